// SPDX-License-Identifier: MIT
// A pool whose jobs wait at a gate.
#pragma once

#include "core/threads/pool.h"
#include "support/deadline.h"
#include "unit/faked_calls.h"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <deque>
#include <mutex>
#include <sched.h>
#include <thread>
#include <vector>

namespace unit {

using kaio::FileAccess;
using kaio::Pool;
using kaio::Transfer;
using kaio::TransferState;

// One that is to be dispatched.
struct Job : Transfer {
  Job() { move_to(TransferState::starting); }
};

// Notes who came when; waits while the gate is shut.
struct Gate final : kaio::Performer {
  std::optional<std::int32_t> carry_out(Transfer& transfer) override {
    const int now = ++running;
    policy = ::sched_getscheduler(0);
    int most = most_running;
    while (now > most && !most_running.compare_exchange_weak(most, now)) {
    }
    {
      const std::lock_guard lock(mutex);
      order.push_back(&transfer);
    }
    while (shut) std::this_thread::sleep_for(std::chrono::microseconds{100});
    --running;
    transfer.move_to(TransferState::starting);
    ++done;
    return std::nullopt;
  }
  bool carried_out(Transfer*, std::int32_t) override { return stuck; }
  void refuse(Transfer& transfer) override {
    transfer.move_to(TransferState::starting);
    ++refused;
  }
  void see_to_others() override {
    ++seeing_to_others;
    while (stuck) std::this_thread::sleep_for(std::chrono::microseconds{100});
    --seeing_to_others;
  }
  bool threads_are_promised() const noexcept override { return promised; }
  std::vector<Transfer*> seen() {
    const std::lock_guard lock(mutex);
    return order;
  }
  std::mutex mutex;
  std::vector<Transfer*> order;
  std::atomic<bool> shut{false};
  std::atomic<bool> stuck{false};  // what it sees to besides
  std::atomic<bool> promised{false};
  std::atomic<int> seeing_to_others{0};
  std::atomic<int> running{0};
  std::atomic<int> most_running{0};
  std::atomic<int> done{0};
  std::atomic<int> refused{0};
  std::atomic<int> policy{-1};
};

struct ThreadStarter final : kaio::Backend::ThreadStarter {
  bool call() noexcept override {
    ++calls;
    return is_there;
  }
  bool is_there = true;
  std::atomic<int> calls{0};
};

struct PoolBench {
  PoolBench() { pool.configure(32, 50'000'000); }
  std::uint64_t threads() const {
    return statistics.get(kaio::Count::threads_started) -
           statistics.get(kaio::Count::threads_ended);
  }
  bool start(Transfer& transfer, FileAccess access, std::uint32_t device) {
    transfer.set_file(device, access);
    return pool.start(transfer);
  }
  // From now on one thread, which has that job and waits at the gate.
  void occupy_only_thread(Transfer& job) {
    pool.configure(1, 50'000'000);
    gate.shut = true;
    BOOST_REQUIRE(start(job, FileAccess::shared, 0));
    BOOST_REQUIRE(support::eventually([&] { return gate.running == 1; }));
  }
  Gate gate;
  kaio::Statistics statistics;
  ThreadStarter starter;
  Pool pool{gate, statistics, &starter};
};

inline std::deque<Job> transfers_with(std::vector<int> priorities) {
  std::deque<Job> transfers(priorities.size());
  for (std::size_t i = 0; i < priorities.size(); ++i)
    transfers[i].operation.priority = static_cast<unsigned>(priorities[i]) & 0x1f;
  return transfers;
}

// Which file a job is of.
inline std::deque<Job> transfers_on(std::vector<int> descriptors) {
  std::deque<Job> transfers(descriptors.size());
  for (std::size_t i = 0; i < descriptors.size(); ++i) transfers[i].operation.fd = descriptors[i];
  return transfers;
}

inline std::vector<Transfer*> those(std::deque<Job>& transfers, std::vector<std::size_t> numbers) {
  std::vector<Transfer*> result;
  for (const std::size_t number : numbers) result.push_back(&transfers[number]);
  return result;
}

// A limit of threads: how many may still be made.
inline std::atomic<int> threads_allowed{0};

inline int limited_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                          void* argument) {
  if (threads_allowed.fetch_sub(1) <= 0) return -EAGAIN;
  return kaio::sys::real_calls.create_thread(thread, attributes, run, argument);
}

}  // namespace unit
