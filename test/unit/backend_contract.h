// SPDX-License-Identifier: MIT
// What core/backend.h and core/kernel/aio_context.h promise, asked of any backend.
#pragma once

#include "core/backend.h"
#include "core/kernel/aio_context.h"
#include "core/kernel/iocb.h"
#include "support/channel.h"
#include "support/deadline.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace unit {

// Boost.Test is for one thread at a time: others end the program.
inline void require(bool holds) {
  if (!holds) std::abort();
}

// Counts how often it was answered.
struct Tracked : kaio::Transfer {
  std::atomic<int> answer_count{0};

  void answered(std::int32_t answer) {
    require(answer > 0);
    ++answer_count;  // last: the test goes on, with the transfer too
  }
};

// A backend, with work that ends when the test says so.
class Rig {
 public:
  virtual ~Rig() = default;

  // One that the backend cannot end before let_go().
  virtual void prepare(Tracked& transfer) = 0;
  virtual bool start(Tracked& transfer) = 0;
  virtual bool remove(Tracked& transfer) = 0;
  virtual void let_go() = 0;
  // Brings the answers that are there, where no thread of the backend's does.
  virtual void take() {}
};

// Transfers that wait for the same pipe to become readable.
class PipeRig : public Rig {
 public:
  void prepare(Tracked& transfer) override {
    transfer.operation.fd = ends_.first.get();
    transfer.operation.opcode = kaio::Opcode::read;
    transfer.attempt = kaio::Attempt::readiness;
    transfer.state = kaio::TransferState::starting;
  }
  void let_go() override { require(::write(ends_.second.get(), "x", 1) == 1); }

 private:
  support::FdPair ends_ = support::make_pipe();
};

// By polls in a ring.
class RingRig : public PipeRig {
 public:
  bool start(Tracked& transfer) override {
    std::array<iocb*, 1> controls{&transfer.control};
    kaio::iocb_of::readiness(transfer.control, transfer.operation.fd, true);
    transfer.control.data = static_cast<kaio::Transfer*>(&transfer);
    transfer.move_to(kaio::TransferState::polling);
    if (reserve() && context().submit(controls) == 1) return true;
    transfer.move_to(kaio::TransferState::starting);
    return false;
  }
  // The event of a poll that was cancelled comes all the same, and the iocb is not used again
  // before.
  bool remove(Tracked& transfer) override {
    if (!transfer.move_from(kaio::TransferState::polling, kaio::TransferState::starting))
      return false;
    const int before = orphan_count_;
    context().cancel(transfer.control);
    BOOST_REQUIRE(support::eventually([&] {
      take();
      return orphan_count_ > before;
    }));
    return true;
  }
  void take() override {
    const std::lock_guard lock(mutex_);  // one at a time
    std::array<io_event, 16> events;
    const std::size_t count = context().take_events(events);
    release(count);
    for (std::size_t i = 0; i < count; ++i) {
      auto* const transfer = static_cast<Tracked*>(static_cast<kaio::Transfer*>(events[i].data));
      require(events[i].obj == &transfer->control);
      if (transfer->move_from(kaio::TransferState::polling, kaio::TransferState::starting)) {
        transfer->answered(static_cast<std::int32_t>(events[i].res));
      } else {
        ++orphan_count_;
      }
    }
  }

 private:
  virtual kaio::AioContext& context() = 0;
  virtual bool reserve() { return true; }
  virtual void release(std::size_t) {}

  std::mutex mutex_;
  std::atomic<int> orphan_count_{0};
};

// A thread that takes what comes, as long as it lives.
class Taker {
 public:
  explicit Taker(Rig& rig)
      : thread_([this, &rig] {
          while (!ends_) {
            rig.take();
            std::this_thread::yield();
          }
        }) {}
  ~Taker() {
    ends_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> ends_{false};
  std::thread thread_;
};

namespace contract {

inline std::deque<Tracked> prepared(Rig& rig, std::size_t count) {
  std::deque<Tracked> transfers(count);
  for (Tracked& transfer : transfers) rig.prepare(transfer);
  return transfers;
}

inline bool each_was_answered(const std::deque<Tracked>& transfers, int times) {
  return std::ranges::all_of(transfers, [&](const Tracked& t) { return t.answer_count == times; });
}

// Once, and those not at all.
template <class Removed>
bool all_but_removed_were_answered(const std::deque<Tracked>& transfers, const Removed& removed) {
  return std::ranges::all_of(transfers, [&](const Tracked& transfer) {
    return transfer.answer_count == (std::ranges::find(removed, &transfer) == removed.end());
  });
}

template <class Made>
void each_is_answered_once_and_not_before_it_can_be() {
  Made rig;
  std::deque<Tracked> transfers = prepared(rig, 60);
  for (Tracked& transfer : transfers) BOOST_REQUIRE(rig.start(transfer));
  const Taker taker(rig);
  BOOST_TEST(support::stays([&] { return each_was_answered(transfers, 0); }));
  rig.let_go();
  BOOST_TEST(support::eventually([&] { return each_was_answered(transfers, 1); }));
  BOOST_TEST(support::stays([&] { return each_was_answered(transfers, 1); }));
}

template <class Made>
void any_threads_may_start() {
  Made rig;
  constexpr std::size_t thread_count = 4, of_each = 15;
  std::deque<Tracked> transfers = prepared(rig, thread_count * of_each);
  const Taker taker(rig);
  std::atomic<int> refused_count{0};
  std::vector<std::thread> threads;
  for (std::size_t number = 0; number < thread_count; ++number)
    threads.emplace_back([&, number] {
      for (std::size_t i = 0; i < of_each; ++i)
        refused_count += !rig.start(transfers[number * of_each + i]);
    });
  for (std::thread& thread : threads) thread.join();
  rig.let_go();
  BOOST_TEST(support::eventually([&] { return each_was_answered(transfers, 1); }));
  BOOST_TEST(refused_count == 0);
}

template <class Made>
void what_is_removed_is_not_answered_and_may_start_again() {
  Made rig;
  std::deque<Tracked> transfers = prepared(rig, 60);
  for (Tracked& transfer : transfers) BOOST_REQUIRE(rig.start(transfer));
  std::vector<Tracked*> removed;
  for (std::size_t i = 0; i < transfers.size(); i += 2)
    if (rig.remove(transfers[i])) removed.push_back(&transfers[i]);
  BOOST_TEST(removed.size() > transfers.size() / 4);
  for (const Tracked* transfer : removed)
    BOOST_TEST(int(transfer->state.load()) == int(kaio::TransferState::starting));
  for (std::size_t i = 0; i < removed.size() / 2; ++i) {
    rig.prepare(*removed[i]);
    BOOST_REQUIRE(rig.start(*removed[i]));
  }
  removed.erase(removed.begin(), removed.begin() + static_cast<long>(removed.size() / 2));
  const Taker taker(rig);
  rig.let_go();
  const auto is_right = [&] { return all_but_removed_were_answered(transfers, removed); };
  BOOST_TEST(support::eventually(is_right));
  BOOST_TEST(support::stays(is_right));
}

template <class Made>
void what_was_answered_is_not_removed() {
  Made rig;
  std::deque<Tracked> transfers = prepared(rig, 8);
  for (Tracked& transfer : transfers) BOOST_REQUIRE(rig.start(transfer));
  const Taker taker(rig);
  rig.let_go();
  BOOST_REQUIRE(support::eventually([&] { return each_was_answered(transfers, 1); }));
  for (Tracked& transfer : transfers) BOOST_TEST(!rig.remove(transfer));
}

template <class Made>
void a_removal_and_an_answer_at_the_same_time_are_one_of_them() {
  int removed_count = 0, answered_count = 0;
  for (int round = 0; round < 30; ++round) {
    Made rig;
    std::deque<Tracked> transfers = prepared(rig, 40);
    for (Tracked& transfer : transfers) BOOST_REQUIRE(rig.start(transfer));
    const Taker taker(rig);
    std::vector<const Tracked*> removed;
    std::atomic<bool> is_time{false};
    std::thread opener([&] {
      is_time.wait(false);
      rig.let_go();
    });
    for (std::size_t i = 0; i < transfers.size(); ++i) {
      if (i == transfers.size() / 4) {
        is_time = true;
        is_time.notify_one();
      }
      // Slower in some rounds than what answers, and quicker in others.
      if (is_time) std::this_thread::sleep_for(std::chrono::microseconds{round});
      if (rig.remove(transfers[i])) removed.push_back(&transfers[i]);
    }
    opener.join();
    const auto is_right = [&] { return all_but_removed_were_answered(transfers, removed); };
    BOOST_TEST(support::eventually(is_right));
    removed_count += static_cast<int>(removed.size());
    answered_count += static_cast<int>(transfers.size() - removed.size());
  }
  BOOST_TEST_MESSAGE(removed_count << " removed, " << answered_count << " answered");
}

// With work in it that can be taken out, and work that was answered.
template <class Made>
void it_can_go_as_soon_as_nothing_is_in_it() {
  std::deque<Tracked> transfers(16);
  for (int round = 0; round < 20; ++round) {
    auto rig = std::make_unique<Made>();
    for (Tracked& transfer : transfers) {
      rig->prepare(transfer);
      transfer.answer_count = 0;
      BOOST_REQUIRE(rig->start(transfer));
    }
    int left_count = 0;
    for (Tracked& transfer : transfers) left_count += !rig->remove(transfer);
    if (left_count != 0) {
      const Taker taker(*rig);
      rig->let_go();
      BOOST_REQUIRE(support::eventually([&] {
        return std::ranges::count_if(
                   transfers, [](const Tracked& t) { return t.answer_count == 1; }) == left_count;
      }));
    }
    rig.reset();
  }
}

}  // namespace contract

// All of it, as a suite of that name.
template <class Made>
bool add_contract(const char* name) {
  auto* const suite = BOOST_TEST_SUITE(std::string("contract_of_") + name);
#define KAIO_ADD(one) suite->add(BOOST_TEST_CASE_NAME(&contract::one<Made>, #one))
  KAIO_ADD(each_is_answered_once_and_not_before_it_can_be);
  KAIO_ADD(any_threads_may_start);
  KAIO_ADD(what_is_removed_is_not_answered_and_may_start_again);
  KAIO_ADD(what_was_answered_is_not_removed);
  KAIO_ADD(a_removal_and_an_answer_at_the_same_time_are_one_of_them);
  KAIO_ADD(it_can_go_as_soon_as_nothing_is_in_it);
#undef KAIO_ADD
  boost::unit_test::framework::current_auto_test_suite().add(suite);
  return true;
}

}  // namespace unit
