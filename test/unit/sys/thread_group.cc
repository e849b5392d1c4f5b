// SPDX-License-Identifier: MIT
#include "sys/thread_group.h"
#include "support/deadline.h"
#include "support/process.h"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <memory>

using kaio::sys::Stack;
using kaio::sys::ThreadGroup;
using support::eventually;

BOOST_AUTO_TEST_SUITE(thread_groups)

namespace {

// Threads that run until they are told to end, and count.
struct Crew {
  bool start_one() { return threads.start(run, this, Stack::ours) == 0; }
  ~Crew() {
    ends = true;
    threads.join();
  }
  static void* run(void* self) {
    auto& crew = *static_cast<Crew*>(self);
    ++crew.started_count;
    while (!crew.ends) kaio::sys::relax();
    crew.threads.leave();
    return nullptr;
  }
  ThreadGroup threads;
  std::atomic<bool> ends{false};
  std::atomic<int> started_count{0};
};

}  // namespace

BOOST_AUTO_TEST_CASE(no_thread_is_left_after_join) {
  const int before = support::thread_count();
  for (int round = 0; round < 200; ++round) {
    {
      Crew crew;
      for (int i = 0; i < round % 5; ++i) BOOST_REQUIRE(crew.start_one());
    }
    // The kernel lists a thread for a moment after it has told whoever joins it.
    BOOST_REQUIRE(eventually([&] { return support::thread_count() == before; }));
  }
}

BOOST_AUTO_TEST_CASE(threads_that_have_ended_before_are_not_waited_for) {
  Crew crew;
  for (int i = 0; i < 3; ++i) BOOST_REQUIRE(crew.start_one());
  const int with_them = support::thread_count();
  crew.ends = true;
  BOOST_TEST(eventually([&] { return support::thread_count() == with_them - 3; }));
}

BOOST_AUTO_TEST_CASE(some_leave_while_others_are_joined) {
  for (int round = 0; round < 200; ++round) {
    Crew crew;
    for (int i = 0; i < 4; ++i) BOOST_REQUIRE(crew.start_one());
    if (round % 2 == 0) BOOST_REQUIRE(eventually([&] { return crew.started_count == 4; }));
    crew.ends = true;  // they begin to leave before the destructor joins
  }
}

BOOST_AUTO_TEST_SUITE_END()
