// SPDX-License-Identifier: MIT
//
// io_getevents() and io_pgetevents(): what a thread that sleeps for completions
// may expect.
#include "kernel_aio.h"
#include "fixtures.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <pthread.h>
#include <thread>
#include <unistd.h>

using namespace kernel_aio;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

BOOST_AUTO_TEST_SUITE(getevents)

namespace {

std::atomic<int> handled_count;

void count_signal(int) { ++handled_count; }

// Catches SIGUSR1 (with the flags given) and blocks it; `open_mask` lets it in.
struct BlockedSignal {
  explicit BlockedSignal(int flags = 0) {
    handled_count = 0;
    struct sigaction action = {};
    action.sa_handler = count_signal;
    action.sa_flags = flags;
    ::sigaction(SIGUSR1, &action, &old_action);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &set, &open_mask);
  }
  ~BlockedSignal() {
    ::pthread_sigmask(SIG_SETMASK, &open_mask, nullptr);
    ::sigaction(SIGUSR1, &old_action, nullptr);
  }
  struct sigaction old_action = {};
  sigset_t open_mask;
};

struct Sleeper {
  Context context;
  fixtures::FdPair pipe = support::make_pipe();
  fixtures::Fd null = fixtures::open_path("/dev/null", O_WRONLY);
  io_event events[8] = {};

  iocb poll_read = poll_block(pipe.first.get(), POLLIN);
  iocb instant_write = with_flags(write_block(null.get(), "x", 1), rwf_nowait);
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_look_at_an_empty_ring_returns_zero_at_once, Sleeper) {
  BOOST_TEST(context.get_events(0, 8, -1ms, events) == 0);
  BOOST_TEST(context.get_events(1, 8, 0ms, events) == 0);
}

BOOST_FIXTURE_TEST_CASE(one_event_wakes_a_sleeper_that_asked_for_at_least_one, Sleeper) {
  BOOST_REQUIRE_EQUAL(context.submit(poll_read), 1);
  std::thread writer{[&] {
    std::this_thread::sleep_for(30ms);
    fixtures::append(pipe.second, "x");
  }};
  const auto before = steady_clock::now();
  BOOST_TEST(context.get_events(1, 8, 5s, events) == 1);
  BOOST_TEST((steady_clock::now() - before < 2s));
  writer.join();
}

BOOST_FIXTURE_TEST_CASE(it_gives_what_there_is_and_does_not_wait_for_the_maximum, Sleeper) {
  for (int count = 0; count < 3; ++count) BOOST_REQUIRE_EQUAL(context.submit(instant_write), 1);
  BOOST_TEST(context.get_events(1, 8, 5s, events) == 3);
}

BOOST_FIXTURE_TEST_CASE(timeout_returns_what_there_is_below_the_minimum, Sleeper) {
  BOOST_REQUIRE_EQUAL(context.submit(instant_write), 1);
  const auto before = steady_clock::now();
  BOOST_TEST(context.get_events(2, 8, 50ms, events) == 1);
  BOOST_TEST((steady_clock::now() - before >= 50ms));
}

BOOST_FIXTURE_TEST_CASE(a_minimum_above_the_maximum_or_below_zero_is_EINVAL, Sleeper) {
  BOOST_TEST(context.get_events(9, 8, 0ms, events) == -EINVAL);
  BOOST_TEST(context.get_events(-1, 8, 0ms, events) == -EINVAL);
}

BOOST_AUTO_TEST_CASE(a_destroyed_context_is_EINVAL) {
  aio_context_t context = 0;
  BOOST_REQUIRE_EQUAL(setup(8, &context), 0);
  BOOST_TEST(destroy(context) == 0);
  BOOST_TEST(destroy(context) == -EINVAL);
}

BOOST_FIXTURE_TEST_CASE(pgetevents_lets_a_blocked_signal_in_and_says_EINTR, Sleeper) {
  BlockedSignal signal;
  ::raise(SIGUSR1);
  BOOST_TEST(handled_count == 0);
  BOOST_TEST(context.get_events_masked(1, 8, 5s, events, &signal.open_mask) == -EINTR);
  BOOST_TEST(handled_count == 1);
}

// futex(2) goes on by itself after such a handler; this call never does.
BOOST_FIXTURE_TEST_CASE(pgetevents_says_EINTR_even_with_SA_RESTART, Sleeper) {
  BlockedSignal signal{SA_RESTART};
  ::raise(SIGUSR1);
  BOOST_TEST(context.get_events_masked(1, 8, 5s, events, &signal.open_mask) == -EINTR);
  BOOST_TEST(handled_count == 1);
}

// With events the handler has run as well, and nothing says so: a waiter that
// must report EINTR cannot learn it from here.
BOOST_FIXTURE_TEST_CASE(pgetevents_gives_events_rather_than_EINTR_and_the_handler_ran, Sleeper) {
  BlockedSignal signal;
  BOOST_REQUIRE_EQUAL(context.submit(instant_write), 1);
  ::raise(SIGUSR1);
  BOOST_TEST(context.get_events_masked(1, 8, 5s, events, &signal.open_mask) == 1);
  BOOST_TEST(handled_count == 1);
}

BOOST_FIXTURE_TEST_CASE(a_signal_ends_a_wait_for_more_with_the_events_so_far, Sleeper) {
  BlockedSignal signal;
  BOOST_REQUIRE_EQUAL(context.submit(instant_write), 1);
  ::raise(SIGUSR1);
  const auto before = steady_clock::now();
  BOOST_TEST(context.get_events_masked(2, 8, 5s, events, &signal.open_mask) == 1);
  BOOST_TEST((steady_clock::now() - before < 2s));
  BOOST_TEST(context.get_events(0, 8, 0ms, events) == 0);
}

BOOST_FIXTURE_TEST_CASE(the_old_mask_is_back_when_pgetevents_returns, Sleeper) {
  BlockedSignal signal;
  context.get_events_masked(0, 8, 0ms, events, &signal.open_mask);
  ::raise(SIGUSR1);
  BOOST_TEST(handled_count == 0);
}

BOOST_FIXTURE_TEST_CASE(a_signal_that_comes_during_the_sleep_ends_it_with_EINTR, Sleeper) {
  BlockedSignal signal;
  const pthread_t me = ::pthread_self();
  std::thread sender{[me] {
    std::this_thread::sleep_for(30ms);
    ::pthread_kill(me, SIGUSR1);
  }};
  BOOST_TEST(context.get_events_masked(1, 8, 5s, events, &signal.open_mask) == -EINTR);
  sender.join();
  BOOST_TEST(handled_count == 1);
}

BOOST_AUTO_TEST_SUITE_END()
