// SPDX-License-Identifier: MIT
#include "posix/notify/own_threads.h"
#include "support/deadline.h"
#include "unit/faked_calls.h"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <deque>
#include <thread>

using kaio::OwnThreads;
using kaio::limits::fresh_threads_usual;
using support::eventually;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(own_threads)

namespace {

std::atomic<unsigned> begun{0};
std::atomic<unsigned> ended{0};
std::atomic<bool> gate_open{true};

void wait_at_the_gate(sigval) {
  ++begun;
  while (!gate_open) std::this_thread::sleep_for(1ms);
  ++ended;
}

// Its threads may end a little later than the case does.
OwnThreads& new_threads() {
  begun = ended = 0;
  gate_open = true;
  static auto* const all = new std::deque<OwnThreads>;
  return all->emplace_back();
}

const sigset_t no_signals{};

}  // namespace

BOOST_AUTO_TEST_CASE(as_many_as_usual_begin_at_once_and_more_when_those_are_stuck) {
  OwnThreads& threads = new_threads();
  gate_open = false;
  constexpr unsigned count = 3 * fresh_threads_usual;
  for (unsigned i = 0; i < fresh_threads_usual; ++i)
    BOOST_REQUIRE(threads.start(wait_at_the_gate, sigval{}, no_signals));
  const auto took = support::time_of(
      [&] { BOOST_REQUIRE(threads.start(wait_at_the_gate, sigval{}, no_signals)); });
  BOOST_TEST((took >= 2ms));
  for (unsigned i = fresh_threads_usual + 1; i < count; ++i)
    BOOST_REQUIRE(threads.start(wait_at_the_gate, sigval{}, no_signals));
  BOOST_TEST(eventually([] { return begun == count; }));
  gate_open = true;
  BOOST_TEST(eventually([] { return ended == count; }));
}

BOOST_AUTO_TEST_CASE(the_next_begins_when_one_has_ended) {
  OwnThreads& threads = new_threads();
  for (unsigned i = 0; i < 20 * fresh_threads_usual; ++i)
    BOOST_REQUIRE(threads.start(wait_at_the_gate, sigval{}, no_signals));
  BOOST_TEST(eventually([] { return ended == 20 * fresh_threads_usual; }));
}

BOOST_AUTO_TEST_CASE(the_mask_is_the_one_that_was_asked_for) {
  OwnThreads& threads = new_threads();
  static sigset_t seen;
  sigset_t wanted{};
  ::sigemptyset(&wanted);
  ::sigaddset(&wanted, SIGUSR2);
  BOOST_REQUIRE(threads.start(
      [](sigval) {
        ::pthread_sigmask(SIG_SETMASK, nullptr, &seen);
        ++ended;
      },
      sigval{}, wanted));
  BOOST_REQUIRE(eventually([] { return ended == 1; }));
  BOOST_TEST(::sigismember(&seen, SIGUSR2) == 1);
  BOOST_TEST(::sigismember(&seen, SIGUSR1) == 0);
}

// To make one allocates memory, and so would a handler that interrupted this and made another.
BOOST_AUTO_TEST_CASE(no_handler_runs_while_one_is_made) {
  unit::FakedCalls calls;
  static sigset_t meanwhile, seen;
  calls->create_thread = [](pthread_t* thread, const pthread_attr_t* attributes,
                            void* (*run)(void*), void* argument) {
    ::pthread_sigmask(SIG_SETMASK, nullptr, &meanwhile);
    return kaio::sys::real_calls.create_thread(thread, attributes, run, argument);
  };
  const auto look = [](sigval) {
    ::pthread_sigmask(SIG_SETMASK, nullptr, &seen);
    ++ended;
  };
  sigset_t wanted{}, none{};
  ::sigaddset(&wanted, SIGUSR2);
  kaio::AttributedCallback attributed{};
  attributed.function = look;
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  attributed.attributes.note(attributes);
  OwnThreads& threads = new_threads();
  for (const bool fresh : {true, false}) {
    meanwhile = seen = none;
    ended = 0;
    BOOST_REQUIRE(fresh ? threads.start(look, sigval{}, wanted)
                        : OwnThreads::start(attributed, sigval{}, wanted));
    BOOST_REQUIRE(eventually([] { return ended == 1; }));
    for (const int number : {SIGUSR1, SIGUSR2, SIGALRM, SIGRTMAX})
      BOOST_TEST(::sigismember(&meanwhile, number) == 1);
    BOOST_TEST(::sigismember(&seen, SIGUSR2) == 1);
    BOOST_TEST(::sigismember(&seen, SIGUSR1) == 0);
  }
  ::pthread_attr_destroy(&attributes);
}

BOOST_AUTO_TEST_SUITE_END()
