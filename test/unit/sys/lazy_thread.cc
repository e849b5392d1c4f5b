// SPDX-License-Identifier: MIT
#include "sys/lazy_thread.h"
#include "support/deadline.h"
#include "sys/calls.h"
#include "unit/faked_calls.h"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>
#include <vector>

using support::eventually;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(lazy_threads)

namespace {

// Counts what is brought to it; ends when told to look whether it may.
struct Counter final : kaio::sys::LazyThread {
  Counter() : LazyThread("counter") {}
  ~Counter() {
    stop();
    join();
  }

  bool bring() {
    brought.fetch_add(1);
    return ensure_running();
  }
  void run(Turn turn) override {
    for (;;) {
      while (is_held) std::this_thread::yield();
      while (counted < brought && !is_replaced(turn)) ++counted;
      if (is_replaced(turn)) {
        ++abandoned_count;
        return;
      }
      if (may_end_now && may_end(turn, [this] { return counted < brought; })) return;
      std::this_thread::yield();
    }
  }
  void started() noexcept override { ++started_count; }
  void ended() noexcept override { ++ended_count; }
  using LazyThread::abandon;
  using LazyThread::ensure_running;

  std::atomic<int> brought{0};
  std::atomic<int> counted{0};
  std::atomic<bool> may_end_now{true};
  std::atomic<bool> is_held{false};
  std::atomic<int> started_count{0};
  std::atomic<int> ended_count{0};
  std::atomic<int> abandoned_count{0};
};

int refuse_thread(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*) { return -EAGAIN; }

}  // namespace

BOOST_AUTO_TEST_CASE(it_ends_when_it_may_and_is_started_again_when_needed) {
  Counter counter;
  BOOST_TEST(!counter.is_running());
  for (int round = 1; round <= 3; ++round) {
    BOOST_TEST(counter.bring());
    BOOST_TEST(
        eventually([&] { return counter.counted == round && counter.ended_count == round; }));
    BOOST_TEST(!counter.is_running());
  }
}

// Each end meets the next need, from several threads at once.
BOOST_AUTO_TEST_CASE(no_need_is_lost_to_a_thread_that_ends) {
  constexpr int each = 5000;
  Counter counter;
  std::atomic<int> refused{0};
  std::vector<std::thread> bringers;
  for (int i = 0; i < 3; ++i)
    bringers.emplace_back([&] {
      for (int n = 0; n < each; ++n) refused += counter.bring() ? 0 : 1;
    });
  for (std::thread& bringer : bringers) bringer.join();
  BOOST_TEST(refused == 0);
  BOOST_TEST(eventually([&] { return counter.counted == 3 * each; }));
  BOOST_TEST(eventually([&] { return counter.ended_count == counter.started_count; }));
}

BOOST_AUTO_TEST_CASE(one_that_was_abandoned_is_replaced_and_ends) {
  Counter counter;
  counter.may_end_now = false;
  BOOST_REQUIRE(counter.bring());
  BOOST_REQUIRE(eventually([&] { return counter.counted == 1; }));
  counter.is_held = true;
  counter.abandon();
  BOOST_TEST(!counter.is_running());
  BOOST_REQUIRE(counter.bring());
  BOOST_REQUIRE(eventually([&] { return counter.is_running(); }));
  counter.is_held = false;
  BOOST_TEST(eventually([&] { return counter.counted == 2 && counter.abandoned_count == 1; }));
  BOOST_TEST(counter.is_running());
  counter.may_end_now = true;
  BOOST_TEST(eventually([&] { return counter.ended_count == 2; }));
}

BOOST_AUTO_TEST_CASE(one_that_was_abandoned_goes_on_when_no_other_can_be_made) {
  unit::FakedCalls calls;
  Counter counter;
  counter.may_end_now = false;
  counter.is_held = true;
  BOOST_REQUIRE(counter.bring());
  calls->create_thread = refuse_thread;
  counter.abandon();
  BOOST_TEST(!counter.bring());
  counter.is_held = false;
  BOOST_TEST(eventually([&] { return counter.counted == 2; }));
  BOOST_TEST(counter.is_running());
  BOOST_TEST(counter.bring());
  BOOST_TEST(eventually([&] { return counter.counted == 3; }));
  counter.may_end_now = true;
  BOOST_TEST(eventually([&] { return counter.ended_count == 1; }));
  BOOST_TEST(counter.abandoned_count == 0);
}

// It was made, and has not come to run yet.
BOOST_AUTO_TEST_CASE(one_that_is_abandoned_before_it_runs_serves_when_no_other_can_be_made) {
  unit::FakedCalls calls;
  static std::atomic<bool> is_held;
  is_held = true;
  calls->create_thread = [](pthread_t* thread, const pthread_attr_t* attributes,
                            void* (*enter)(void*), void* self) {
    static void* (*entered)(void*);
    entered = enter;
    return kaio::sys::real_calls.create_thread(
        thread, attributes,
        [](void* of) {
          while (is_held) std::this_thread::yield();
          return entered(of);
        },
        self);
  };
  Counter counter;
  BOOST_REQUIRE(counter.bring());
  calls->create_thread = refuse_thread;
  counter.abandon();
  BOOST_TEST(!counter.bring());
  is_held = false;
  BOOST_TEST(eventually([&] { return counter.counted == 2 && counter.ended_count == 1; }));
}

BOOST_AUTO_TEST_CASE(without_a_thread_to_be_had_whoever_needs_it_is_told) {
  unit::FakedCalls calls;
  calls->create_thread = refuse_thread;
  Counter counter;
  BOOST_TEST(!counter.bring());
  BOOST_TEST(!counter.is_running());
  calls->create_thread = kaio::sys::real_calls.create_thread;
  BOOST_TEST(counter.bring());
  BOOST_TEST(eventually([&] { return counter.counted == 2 && counter.ended_count == 1; }));
}

BOOST_AUTO_TEST_SUITE_END()
