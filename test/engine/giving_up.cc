// SPDX-License-Identifier: MIT
// Cancelling, deadlines and stop requests.
#include <kaio/engine.h>
#include <kaio/testing.h>

#include "support/channel.h"
#include "support/deadline.h"
#include "support/precondition.h"
#include "support/temporary_file.h"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <fcntl.h>
#include <stop_token>
#include <thread>
#include <unistd.h>

using kaio::Cancelled;
using Clock = kaio::Operation::Clock;
using std::chrono::seconds;

namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(giving_up)

namespace {

constexpr std::size_t block_bytes = 4096;

struct Disk {
  explicit Disk(bool kernel_aio = true, unsigned batch = 32)
      : engine({.depth = 16, .batch = batch, .kernel_aio = kernel_aio}) {}

  const support::TemporaryFile temporary{block_bytes * 16};
  kaio::File file{temporary.path().c_str(), {.flags = O_RDWR}};
  kaio::Buffer buffer{block_bytes};
  kaio::Engine engine;

  void read(kaio::Operation& operation) {
    operation.read(file, buffer.data(), block_bytes, 0);
    engine.submit(operation).or_throw();
  }
};

// A pipe in which there is nothing.
struct Pipe {
  support::FdPair ends = support::make_pipe();
  kaio::File reader = kaio::File::adopt(ends.first.release());
  std::array<char, 16> text{};

  void read(kaio::Engine& engine, kaio::Operation& operation) {
    engine.submit(operation.read(reader, text.data(), text.size(), 0)).or_throw();
  }
};

bool ended_with(const kaio::Operation& operation, std::errc error) {
  return operation.is_idle() && operation.result().error() == error;
}

}  // namespace

BOOST_DATA_TEST_CASE(a_stop_that_was_requested_before_keeps_it_from_starting,
                     data::make({true, false}) * data::make({1U, 32U}), kernel_aio, batch) {
  Disk disk(kernel_aio, batch);
  std::stop_source stop;
  stop.request_stop();
  kaio::Operation operation;
  operation.set_stop_token(stop.get_token());
  disk.read(operation);
  BOOST_TEST(!operation.is_idle());
  disk.engine.wait();
  BOOST_TEST(ended_with(operation, std::errc::operation_canceled));
  BOOST_TEST(disk.engine.statistics().cancelled == 1U);
}

BOOST_AUTO_TEST_CASE(a_stop_that_is_requested_while_it_is_queued_keeps_it_from_starting) {
  Disk disk;
  std::stop_source stop;
  kaio::Operation operation;
  operation.set_stop_token(stop.get_token());
  disk.read(operation);
  std::thread([&] { stop.request_stop(); }).join();
  disk.engine.wait();
  BOOST_TEST(ended_with(operation, std::errc::operation_canceled));
}

BOOST_DATA_TEST_CASE(a_deadline_that_has_passed_keeps_it_from_starting,
                     data::make({true, false}) * data::make({1U, 32U}), kernel_aio, batch) {
  Disk disk(kernel_aio, batch);
  kaio::Operation operation;
  operation.set_deadline(Clock::now() - seconds(1));
  disk.read(operation);
  disk.engine.wait();
  BOOST_TEST(ended_with(operation, std::errc::timed_out));
  operation.clear_deadline();
  disk.read(operation);
  disk.engine.wait();
  BOOST_TEST(operation.result().value() == block_bytes);
}

BOOST_AUTO_TEST_CASE(a_member_that_comes_too_late_fails_its_chain_before_the_sync) {
  Disk disk;
  kaio::Operation first, second;
  first.write(disk.file, disk.buffer.data(), block_bytes, 0);
  second.write(disk.file, disk.buffer.data(), block_bytes, block_bytes)
      .set_deadline(Clock::now() - seconds(1));
  kaio::Chain chain(disk.file);
  chain.add(first).add(second);
  disk.engine.submit(chain).or_throw();
  disk.engine.drain();
  BOOST_TEST(chain.is_idle());
  BOOST_TEST((chain.result().error() == std::errc::timed_out));
  BOOST_TEST(disk.engine.statistics().completed == 2U);
  BOOST_TEST(!disk.file.sync_has_failed());
}

// The first attempt is the kernel's while the stop is requested, and is answered "not now".
BOOST_DATA_TEST_CASE(a_stop_during_the_first_attempt_ends_a_read_that_would_wait,
                     data::make({true, false}), kernel_aio) {
  kaio::Engine engine({.depth = 16, .kernel_aio = kernel_aio});
  for (int round = 0; round < 50; ++round) {
    Pipe pipe;
    std::stop_source stop;
    kaio::Operation operation;
    operation.set_stop_token(stop.get_token());
    pipe.read(engine, operation);
    engine.flush();
    for (int i = 0; i < round % 5; ++i) engine.poll();
    stop.request_stop();
    engine.wait(1, Clock::now() + support::patience);
    BOOST_REQUIRE(ended_with(operation, std::errc::operation_canceled));
  }
}

BOOST_AUTO_TEST_CASE(a_deadline_ends_a_read_that_waits) {
  kaio::Engine engine({.depth = 16});
  Pipe pipe;
  kaio::Operation operation;
  operation.set_deadline(Clock::now() + std::chrono::milliseconds(20));
  BOOST_TEST((engine.next_deadline() == Clock::time_point::max()));
  pipe.read(engine, operation);
  BOOST_TEST((engine.next_deadline() < Clock::now() + seconds(5)));
  BOOST_TEST(engine.wait(1, Clock::now() + support::patience) == 1U);
  BOOST_TEST(ended_with(operation, std::errc::timed_out));
  BOOST_TEST((engine.next_deadline() == Clock::time_point::max()));
}

BOOST_AUTO_TEST_CASE(late_is_called_once_and_the_operation_ends_with_what_it_came_to) {
  kaio::testing::FaultyKernel kernel({.delay_turns_max = 200});
  const support::TemporaryFile temporary(block_bytes);
  const kaio::File file(temporary.path().c_str(), {.flags = O_RDONLY});
  if (!file.is_direct()) return;
  kaio::Buffer buffer(block_bytes);
  kaio::Engine engine({.depth = 16, .kernel = &kernel});
  int late_total = 0;
  for (int round = 0; round < 20; ++round) {
    int late_count = 0;
    kaio::Operation operation;
    operation.on_completion([](kaio::Operation&) {}, &late_count);
    operation.read(file, buffer.data(), block_bytes, 0);
    const auto deadline = Clock::now() + std::chrono::milliseconds(100);
    operation.set_deadline(deadline, [](kaio::Operation& late) {
      BOOST_TEST(!late.is_idle());
      ++*static_cast<int*>(late.context());
    });
    engine.submit(operation).or_throw();
    engine.flush();
    if (operation.is_idle()) continue;
    while (Clock::now() < deadline) std::this_thread::yield();
    while (!operation.is_idle()) engine.poll();
    BOOST_REQUIRE(late_count <= 1);
    BOOST_REQUIRE(operation.result().value() == block_bytes);
    late_total += late_count;
  }
  BOOST_TEST(late_total != 0);
  BOOST_TEST(engine.statistics().late == static_cast<std::uint64_t>(late_total));
}

BOOST_AUTO_TEST_CASE(cancel_says_whether_it_took_effect) {
  Disk disk;
  kaio::Operation operation;
  BOOST_TEST((disk.engine.cancel(operation) == Cancelled::not_in_use));
  disk.read(operation);
  BOOST_TEST((disk.engine.cancel(operation) == Cancelled::yes));
  disk.engine.wait();
  BOOST_TEST(ended_with(operation, std::errc::operation_canceled));
  disk.read(operation);
  disk.engine.flush();
  const Cancelled outcome = disk.engine.cancel(operation);
  disk.engine.wait();
  if (outcome == Cancelled::under_way) {
    BOOST_TEST(operation.result().value() == block_bytes);
  } else {
    BOOST_TEST(ended_with(operation, std::errc::operation_canceled));
  }
  BOOST_TEST((disk.engine.cancel(operation) == Cancelled::not_in_use));
}

BOOST_DATA_TEST_CASE(polls_that_wait_can_be_cancelled, data::make({true, false}), kernel_aio) {
  kaio::Engine engine({.depth = 16, .kernel_aio = kernel_aio});
  const auto ends = support::make_pipe();
  std::array<kaio::Operation, 40> polls;
  for (kaio::Operation& poll : polls)
    engine.submit(poll.poll(ends.first.get(), kaio::Readiness::readable)).or_throw();
  engine.poll();
  BOOST_TEST((engine.cancel(polls[3]) == Cancelled::yes));
  engine.cancel();
  engine.drain();
  for (const kaio::Operation& poll : polls)
    BOOST_TEST(ended_with(poll, std::errc::operation_canceled));
  BOOST_TEST(engine.statistics().cancelled == polls.size());
}

BOOST_AUTO_TEST_CASE(many_polls_leave_places_for_transfers) {
  Disk disk;
  const auto ends = support::make_pipe();
  std::array<kaio::Operation, 40> polls;
  for (kaio::Operation& poll : polls)
    disk.engine.submit(poll.poll(ends.first.get(), kaio::Readiness::readable)).or_throw();
  kaio::Operation operation;
  disk.read(operation);
  BOOST_TEST(disk.engine.wait(1, Clock::now() + support::patience) == 1U);
  BOOST_TEST(operation.is_idle());
  disk.engine.cancel();
  disk.engine.drain();
}

BOOST_AUTO_TEST_CASE(a_stop_may_race_with_the_end) {
  Disk disk;
  std::atomic<std::stop_source*> next{nullptr};
  std::atomic<bool> ends{false};
  std::thread stopper([&] {
    while (!ends) {
      if (std::stop_source* const stop = next.load()) {
        stop->request_stop();
        next = nullptr;
      } else {
        std::this_thread::yield();
      }
    }
  });
  int cancelled_count = 0;
  for (int round = 0; round < 3000; ++round) {
    std::stop_source stop;
    kaio::Operation operation;
    operation.set_stop_token(stop.get_token());
    disk.read(operation);
    next = &stop;
    if (round % 2 == 0) disk.engine.flush();
    disk.engine.drain();
    const kaio::Result result = operation.result();
    cancelled_count += !result;
    if (result ? result.size_bytes() != block_bytes
               : result.error() != std::errc::operation_canceled)
      BOOST_FAIL("ended with " << result.error().message());
    while (next.load() != nullptr) std::this_thread::yield();
  }
  ends = true;
  stopper.join();
  BOOST_TEST(disk.engine.statistics().cancelled == static_cast<std::uint64_t>(cancelled_count));
}

BOOST_AUTO_TEST_SUITE_END()
