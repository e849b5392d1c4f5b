// SPDX-License-Identifier: MIT
// When a wait ends, and what becomes of a wake() that comes while none sleeps.
#include <kaio/engine/thread.h>

#include "support/channel.h"
#include "support/deadline.h"
#include "support/temporary_file.h"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <fcntl.h>
#include <poll.h>
#include <thread>
#include <unistd.h>

using Clock = kaio::Operation::Clock;
using kaio::Operation;
using kaio::Readiness;

namespace data = boost::unit_test::data;

// Named, as lambdas in templates capture it.
namespace engine_test {

// A wait for a pipe that nobody writes to until the end.
struct Waiting {
  explicit Waiting(bool kernel_aio = true) : engine({.depth = 16, .kernel_aio = kernel_aio}) {}

  support::FdPair ends = support::make_pipe();
  Operation operation;
  kaio::Engine engine;

  void begin() { engine.submit(operation.poll(ends.first.get(), Readiness::readable)).or_throw(); }
  bool make_ready() const { return ::write(ends.second.get(), "x", 1) == 1; }
  // True: something has ended it before its time.
  bool wait_is_ended(Clock::duration span = support::patience) {
    const auto deadline = Clock::now() + span;
    return engine.wait(1, deadline) == 0 && Clock::now() < deadline;
  }
  bool wait_lasts() { return !wait_is_ended(support::a_while); }

  ~Waiting() { engine.cancel(); }
};

}  // namespace engine_test

using engine_test::Waiting;

BOOST_AUTO_TEST_SUITE(waking)

namespace {

bool is_readable(int fd) {
  pollfd look{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&look, 1, 0) == 1;
}

}  // namespace

BOOST_DATA_TEST_CASE(with_nothing_under_way_a_wait_is_over_at_once, data::make({true, false}),
                     kernel_aio) {
  kaio::Engine engine({.depth = 16, .kernel_aio = kernel_aio});
  std::array<Operation*, 4> room{};
  BOOST_TEST(engine.wait() == 0U);
  BOOST_TEST(engine.wait(100) == 0U);
  BOOST_TEST(engine.wait(room).empty());
  engine.drain();
  engine.flush();
  BOOST_TEST(engine.poll() == 0U);
  BOOST_TEST(engine.poll(room).empty());
}

BOOST_DATA_TEST_CASE(a_wait_for_more_than_there_is_ends_with_the_last, data::make({true, false}),
                     kernel_aio) {
  constexpr std::size_t block_bytes = 4096;
  const support::TemporaryFile temporary(block_bytes);
  const kaio::File file(temporary.path().c_str(), {.flags = O_RDONLY});
  std::array<kaio::Buffer, 5> buffers;
  std::array<Operation, 5> operations;
  kaio::Engine engine({.depth = 2, .kernel_aio = kernel_aio});
  for (std::size_t i = 0; i < operations.size(); ++i) {
    buffers[i] = kaio::Buffer(block_bytes);
    engine.submit(operations[i].read(file, buffers[i].data(), block_bytes, 0)).or_throw();
  }
  BOOST_TEST(engine.wait(100) == operations.size());
  BOOST_TEST(engine.under_way() == 0U);
}

BOOST_DATA_TEST_CASE(a_wake_while_nothing_waits_ends_the_next_wait_and_none_after_it,
                     data::make({true, false}), kernel_aio) {
  Waiting waiting(kernel_aio);
  waiting.begin();
  waiting.engine.wake();
  waiting.engine.wake();  // several are one
  BOOST_TEST(waiting.engine.poll() == 0U);
  BOOST_TEST(waiting.wait_is_ended());
  BOOST_TEST(waiting.wait_lasts());
}

BOOST_AUTO_TEST_CASE(a_wait_that_had_nothing_to_wait_for_has_taken_the_wake) {
  Waiting waiting;
  waiting.engine.wake();
  BOOST_TEST(waiting.engine.wait() == 0U);
  waiting.begin();
  BOOST_TEST(waiting.wait_lasts());
}

// A program drains what it wrote, and looks at its messages after the next wait: one that came
// with a wake meanwhile must not lie there until something happens to end.
BOOST_DATA_TEST_CASE(a_wake_during_a_drain_ends_the_wait_behind_it, data::make({true, false}),
                     kernel_aio) {
  for (int round = 0; round < 20; ++round) {
    Waiting waiting(kernel_aio);
    waiting.begin();
    bool is_ready = false;
    std::thread other([&] {
      if (round % 2 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
      waiting.engine.wake();
      is_ready = waiting.make_ready();
    });
    waiting.engine.drain();
    other.join();
    BOOST_REQUIRE(is_ready);
    BOOST_REQUIRE(waiting.operation.is_idle());
    char byte = 0;
    BOOST_REQUIRE(::read(waiting.ends.first.get(), &byte, 1) == 1);
    waiting.begin();
    BOOST_REQUIRE(waiting.wait_is_ended());
    if (round < 2) BOOST_REQUIRE(waiting.wait_lasts());
  }
}

BOOST_AUTO_TEST_CASE(a_wake_makes_the_descriptor_readable_until_the_next_poll) {
  Waiting waiting;
  const int fd = waiting.engine.fd();
  BOOST_TEST(!is_readable(fd));
  for (int round = 0; round < 3; ++round) {
    waiting.engine.wake();
    BOOST_TEST(is_readable(fd));
    BOOST_TEST(waiting.engine.poll() == 0U);
    BOOST_TEST(!is_readable(fd));
    if (round == 0) waiting.begin();
  }
}

// ---- An engine on a thread of its own ----

struct Post : kaio::EngineThread::Posted {
  kaio::EngineThread* thread = nullptr;
  std::atomic<bool>* entered = nullptr;
  std::atomic<bool> done{false};
};

// What it does there may drive the engine, which is woken for what comes meanwhile.
BOOST_DATA_TEST_CASE(what_is_posted_while_the_engine_drains_or_waits_is_not_forgotten,
                     data::make({true, false}), drains) {
  const auto ends = support::make_pipe();
  Operation poll;
  static std::atomic<bool> entered;
  entered = false;
  Post first, second, third;
  kaio::EngineThread thread({.depth = 16});
  first.thread = &thread;
  first.run = drains ? [](kaio::EngineThread::Posted& posted) {
    entered = true;
    static_cast<Post&>(posted).thread->engine().drain();
    static_cast<Post&>(posted).done = true;
  } : [](kaio::EngineThread::Posted& posted) {
    kaio::Engine& engine = static_cast<Post&>(posted).thread->engine();
    entered = true;
    while (engine.under_way() != 0) engine.wait();
    static_cast<Post&>(posted).done = true;
  };
  second.run = third.run = [](kaio::EngineThread::Posted& posted) {
    static_cast<Post&>(posted).done = true;
  };
  thread.submit(poll.poll(ends.first.get(), Readiness::readable)).or_throw();
  thread.post(first);
  BOOST_REQUIRE(support::eventually([] { return entered.load(); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  thread.post(second);
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  BOOST_REQUIRE(::write(ends.second.get(), "x", 1) == 1);
  BOOST_TEST(support::eventually([&] { return first.done.load(); }));
  BOOST_TEST(support::eventually([&] { return second.done.load(); }));
  thread.post(third);
  BOOST_TEST(support::eventually([&] { return third.done.load(); }));
  thread.engine().wake();  // so that a failure is no hang
}

BOOST_AUTO_TEST_SUITE_END()
