// SPDX-License-Identifier: MIT
#include "posix/notify/thread_state.h"

#include <boost/test/unit_test.hpp>

#include <cfenv>
#include <atomic>
#include <chrono>
#include <pthread.h>
#include <sched.h>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

using kaio::ThreadState;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(thread_state)

namespace {

void one_callback(sigval) {}
void another_callback(sigval) {}

std::string name_of_this_thread() {
  char name[16] = {};
  ::prctl(PR_GET_NAME, name);
  return name;
}

// On a thread that nothing else knows, with its state noted.
void on_a_thread(void (*check)(ThreadState& state)) {
  std::thread([check] {
    ::prctl(PR_SET_NAME, "as-noted");
    ThreadState state;
    state.note();
    check(state);
  }).join();
}

bool end_callback(ThreadState& state, kaio::NotifyFunction function) {
  state.begin();
  return state.end(function);
}

void make_known(ThreadState& state, kaio::NotifyFunction function) {
  for (int i = 0; i < kaio::limits::looks_until_known; ++i) end_callback(state, function);
}

// Far below the share of time that looks may take, so that the next one is not due.
bool leaves_a_change(ThreadState& state, kaio::NotifyFunction function) {
  for (int attempt = 0; attempt < 50; ++attempt) {  // the machine may take its time in between
    end_callback(state, function);
    ::prctl(PR_SET_NAME, "changed");
    end_callback(state, function);
    if (name_of_this_thread() == "changed") return true;
  }
  return false;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_change_is_undone_when_the_callback_has_returned) {
  on_a_thread([](ThreadState& state) {
    for (int round = 0; round < 1000; ++round) {
      ::prctl(PR_SET_NAME, "changed");
      ::prctl(PR_SET_TIMERSLACK, 1234567);
      BOOST_REQUIRE(end_callback(state, one_callback));
      BOOST_REQUIRE(name_of_this_thread() == "as-noted");
      BOOST_REQUIRE(::prctl(PR_GET_TIMERSLACK) != 1234567);
    }
  });
}

BOOST_AUTO_TEST_CASE(a_thread_that_ends_is_as_it_was) {
  on_a_thread([](ThreadState& state) {
    make_known(state, one_callback);
    ::prctl(PR_SET_NAME, "changed");
    end_callback(state, one_callback);
    BOOST_TEST(state.bring_back());
    BOOST_TEST(name_of_this_thread() == "as-noted");
  });
}

BOOST_AUTO_TEST_CASE(a_thread_that_its_callback_ends_is_as_it_was) {
  on_a_thread([](ThreadState& state) {
    state.begin();
    ::prctl(PR_SET_NAME, "changed");
    ::prctl(PR_SET_TIMERSLACK, 1234567);
    BOOST_TEST(state.bring_back());
    BOOST_TEST(name_of_this_thread() == "as-noted");
    BOOST_TEST(::prctl(PR_GET_TIMERSLACK) != 1234567);
  });
}

BOOST_AUTO_TEST_CASE(after_a_known_function_there_is_not_always_a_look_but_soon) {
  on_a_thread([](ThreadState& state) {
    make_known(state, one_callback);
    BOOST_TEST(leaves_a_change(state, one_callback));
    std::this_thread::sleep_for(5ms);
    BOOST_TEST(state.resume());
    BOOST_TEST(name_of_this_thread() == "as-noted");
  });
}

BOOST_AUTO_TEST_CASE(one_function_that_is_known_says_nothing_about_another) {
  on_a_thread([](ThreadState& state) {
    make_known(state, one_callback);
    BOOST_TEST(!leaves_a_change(state, another_callback));
  });
}

BOOST_AUTO_TEST_CASE(after_a_change_no_function_is_known_for_long) {
  on_a_thread([](ThreadState& state) {
    make_known(state, one_callback);
    std::this_thread::sleep_for(5ms);  // a look is due
    ::prctl(PR_SET_NAME, "changed");
    BOOST_TEST(end_callback(state, one_callback));
    make_known(state, one_callback);
    BOOST_TEST(!leaves_a_change(state, one_callback));
  });
}

// Nobody but an administrator, or the program from another thread, changes one that sleeps.
// A thread that is started from this one inherits it.
BOOST_AUTO_TEST_CASE(rounding_is_back_as_soon_as_the_callback_is_over) {
  kaio::ThreadState state;
  state.note();
  state.begin();
  std::fesetround(FE_UPWARD);
  state.end([](sigval) {});
  BOOST_TEST(std::fegetround() == FE_TONEAREST);
}

BOOST_AUTO_TEST_CASE(what_is_changed_while_the_thread_sleeps_stays) {
  on_a_thread([](ThreadState& state) {
    BOOST_TEST(end_callback(state, one_callback));
    std::this_thread::sleep_for(50ms);
    BOOST_TEST(state.resume());  // looks, for the callback
    std::this_thread::sleep_for(50ms);
    ::prctl(PR_SET_NAME, "by-another");
    BOOST_TEST(state.resume());
    BOOST_TEST(end_callback(state, one_callback));
    BOOST_TEST(name_of_this_thread() == "by-another");
  });
}

BOOST_AUTO_TEST_SUITE_END()
