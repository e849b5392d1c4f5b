// SPDX-License-Identifier: MIT
#include "posix/notify/callback_threads.h"
#include "support/deadline.h"
#include "support/precondition.h"
#include "sys/calls.h"
#include "unit/posix/notify/outbox.h"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <deque>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>
#include <utility>

using kaio::CallbackThreads;
using kaio::Request;
using support::eventually;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(callbacks)

namespace {

std::atomic<int> called{0};
std::atomic<int> stuck{0};
std::atomic<bool> gate_open{true};
std::atomic<int> wrong_masks{0};

void count_call(sigval) { ++called; }
void count_and_exit(sigval) {
  ++called;
  ::pthread_exit(nullptr);
}
void be_stuck(sigval) {
  ++stuck;
  while (!gate_open) std::this_thread::sleep_for(1ms);
  ++called;
}
// Changes its mask, which the next callback on the thread must not inherit.
void check_mask(sigval) {
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  for (int number = 1; number < 32; ++number)
    if (::sigismember(&mask, number) == 1 && number != SIGUSR2) ++wrong_masks;
  if (::sigismember(&mask, SIGUSR2) == 0) ++wrong_masks;
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
  ++called;
}
thread_local bool drained = false;
std::atomic<int> undrained{0};
void check_drained(sigval) {
  undrained += !std::exchange(drained, false);
  ++called;
}
std::atomic<std::size_t> stack_bytes{0};
void note_stack(sigval) {
  pthread_attr_t attributes;
  std::size_t size_bytes = 0;
  ::pthread_getattr_np(::pthread_self(), &attributes);
  ::pthread_attr_getstacksize(&attributes, &size_bytes);
  ::pthread_attr_destroy(&attributes);
  stack_bytes = size_bytes;
  ++called;
}

constexpr int unlimited = 1 << 30;
std::atomic<int> threads_allowed{unlimited};
int limited_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                   void* argument) {
  if (threads_allowed.fetch_sub(1) <= 0) return -EAGAIN;
  return kaio::sys::real_calls.create_thread(thread, attributes, run, argument);
}
// In the table from the start, as the threads of one case still run in the next.
[[maybe_unused]] const auto replaced =
    std::exchange(kaio::sys::calls.create_thread, limited_create);

struct ThreadsUnlimited {
  ~ThreadsUnlimited() { threads_allowed = unlimited; }
};

// Never destroyed: two threads of it stay.
struct Bench {
  unit::Outbox outbox;
  kaio::Statistics statistics;
  CallbackThreads threads{outbox, statistics};
  std::uint64_t thread_count() const {
    return statistics.get(kaio::Count::threads_started) -
           statistics.get(kaio::Count::threads_ended);
  }
};

Bench& new_bench() {
  static auto* const all = new std::deque<Bench>;
  called = stuck = 0;
  gate_open = true;
  Bench& bench = all->emplace_back();
  bench.threads.promise();  // another request's, for ever: the threads stay
  return bench;
}

void ring(int doorbell) {
  const std::uint64_t one = 1;
  BOOST_REQUIRE(::write(doorbell, &one, sizeof one) == sizeof one);
}

void set(Request& request, kaio::NotifyFunction function) {
  request.notification.kind = kaio::Notification::Kind::callback;
  request.notification.function = function;
}

}  // namespace

BOOST_AUTO_TEST_CASE(two_thousand_quick_callbacks_take_few_threads) {
  Bench& bench = new_bench();
  BOOST_REQUIRE(bench.threads.ensure_running());
  std::deque<Request> requests(2000);
  for (Request& request : requests) {
    set(request, count_call);
    bench.threads.run(request);
  }
  BOOST_TEST(eventually([&] { return called == 2000; }));
  BOOST_TEST(bench.outbox.count == 2000);
  BOOST_TEST(bench.statistics.get(kaio::Count::threads_started) <= 40u);
  BOOST_TEST(bench.statistics.get(kaio::Count::notified_thread) == 2000u);
}

BOOST_AUTO_TEST_CASE(others_start_promptly_however_many_callbacks_are_stuck) {
  Bench& bench = new_bench();
  BOOST_REQUIRE(bench.threads.ensure_running());
  gate_open = false;
  std::deque<Request> blockers(100);
  for (Request& request : blockers) {
    set(request, be_stuck);
    bench.threads.run(request);
  }
  const auto until_stuck =
      support::time_of([&] { BOOST_TEST(eventually([&] { return stuck == 100; })); });
  if (!support::sanitized) BOOST_TEST((until_stuck < 1s * support::slowness()));
  Request quick;
  set(quick, count_call);
  const auto took = support::time_of([&] {
    bench.threads.run(quick);
    BOOST_TEST(eventually([&] { return called == 1; }));
  });
  BOOST_TEST((took < 500ms * support::slowness()));  // 10 ms on a quiet machine
  gate_open = true;
  BOOST_TEST(eventually([&] { return called == 101; }));
  BOOST_TEST(eventually([&] { return bench.thread_count() <= 2; }, 5s));
}

BOOST_AUTO_TEST_CASE(a_callback_may_end_its_thread) {
  Bench& bench = new_bench();
  BOOST_REQUIRE(bench.threads.ensure_running());
  std::deque<Request> requests(200);
  for (Request& request : requests) {
    set(request, count_and_exit);
    BOOST_REQUIRE(bench.threads.ensure_running());
    bench.threads.run(request);
  }
  BOOST_TEST(eventually([&] { return called == 200; }));
}

// Also if the reaper, which blocks all signals, finds the promise before its thread asks.
BOOST_DATA_TEST_CASE(callbacks_run_with_the_mask_of_the_program,
                     boost::unit_test::data::make({false, true}), reaper_is_first) {
  sigset_t mine;
  sigset_t before;
  ::sigemptyset(&mine);
  ::sigaddset(&mine, SIGUSR2);
  ::pthread_sigmask(SIG_SETMASK, &mine, &before);
  Bench& bench = new_bench();
  if (reaper_is_first) BOOST_TEST(bench.threads.ensure_queue_runs());
  BOOST_TEST(bench.threads.ensure_running());
  wrong_masks = 0;
  std::deque<Request> requests(20);
  for (Request& request : requests) {
    set(request, check_mask);
    bench.threads.run(request);
  }
  BOOST_TEST(eventually([&] { return called == 20; }));
  BOOST_TEST(wrong_masks == 0);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// Its signals are not blocked between two of them.
BOOST_AUTO_TEST_CASE(what_handlers_submit_is_routed_before_the_next_callback) {
  Bench& bench = new_bench();
  static std::atomic<int> open_reaps{0};
  undrained = open_reaps = 0;
  bench.outbox.on_drain = [] { drained = true; };
  bench.outbox.on_reap = [] {
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    open_reaps += ::sigismember(&mask, SIGUSR1) == 0;
  };
  BOOST_REQUIRE(bench.threads.ensure_running());
  std::deque<Request> requests(1000);
  for (Request& request : requests) {
    set(request, check_drained);
    bench.threads.run(request);
  }
  BOOST_TEST(eventually([&] { return called == 1000; }));
  BOOST_TEST(undrained == 0);
  BOOST_TEST(bench.outbox.reaps > 0);
  BOOST_TEST(open_reaps == 0);
}

BOOST_AUTO_TEST_CASE(attributes_give_a_thread_of_its_own_or_else_the_callback_runs_all_the_same) {
  const ThreadsUnlimited afterwards;
  for (const bool possible : {true, false}) {
    threads_allowed = 10;
    Bench& bench = new_bench();
    BOOST_REQUIRE(bench.threads.ensure_running());
    Request warm_up;
    set(warm_up, count_call);
    bench.threads.run(warm_up);
    BOOST_REQUIRE(eventually([&] { return called == 1; }));
    if (!possible) threads_allowed = 0;
    Request request;
    request.notification.kind = kaio::Notification::Kind::attributed_callback;
    static kaio::AttributedCallbacks callbacks;
    request.notification.attributed = callbacks.allocate();
    request.notification.attributed->function = note_stack;
    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    ::pthread_attr_setstacksize(&attributes, 1 << 18);
    request.notification.attributed->attributes.note(attributes);
    ::pthread_attr_destroy(&attributes);
    bench.threads.run(request);
    BOOST_TEST(eventually([&] { return called == 2; }));
    // ThreadSanitizer adds what it needs itself.
    const std::size_t added_bytes = stack_bytes - (std::size_t{1} << 18);
    if (possible) BOOST_TEST(added_bytes <= (support::sanitized ? 1u << 20 : 0u));
    BOOST_TEST(bench.outbox.count == 2);
  }
}

BOOST_AUTO_TEST_CASE(without_any_thread_a_callback_is_refused_beforehand) {
  const ThreadsUnlimited afterwards;
  threads_allowed = 0;
  Bench& bench = new_bench();
  BOOST_TEST(!bench.threads.ensure_running());
  threads_allowed = 1;  // no spare
  BOOST_TEST(bench.threads.ensure_running());
  std::deque<Request> requests(10);
  for (Request& request : requests) {
    set(request, count_call);
    bench.threads.run(request);
  }
  BOOST_TEST(eventually([&] { return called == 10; }));
}

BOOST_AUTO_TEST_CASE(a_callback_that_is_stuck_for_good_costs_no_processor_time) {
  Bench& bench = new_bench();
  BOOST_REQUIRE(bench.threads.ensure_running());
  gate_open = false;
  Request blocker;
  set(blocker, [](sigval) {
    ++stuck;
    const auto open = [] { return gate_open.load(); };
    while (!open()) std::this_thread::sleep_for(100ms);
    ++called;
  });
  bench.threads.run(blocker);
  BOOST_REQUIRE(eventually([&] { return stuck == 1; }));
  std::this_thread::sleep_for(300ms);  // the spare may look for a while
  rusage before{};
  rusage after{};
  ::getrusage(RUSAGE_SELF, &before);
  std::this_thread::sleep_for(500ms);
  ::getrusage(RUSAGE_SELF, &after);
  BOOST_TEST(after.ru_nvcsw - before.ru_nvcsw < 100);
  gate_open = true;
  BOOST_TEST(eventually([&] { return called == 1; }));
}

// The kernel signals, and the thread that listens finds what has ended.
BOOST_AUTO_TEST_CASE(who_hears_the_doorbell_reaps_and_runs_what_it_finds) {
  Bench& bench = new_bench();
  BOOST_TEST(bench.threads.doorbell() == -1);
  // The threads stay, and go on looking.
  static auto* const all = new std::deque<Request>(100);
  static std::atomic<std::size_t> ended{0};
  static std::atomic<std::size_t> found{0};
  auto& requests = *all;
  bench.outbox.on_reap = [&bench, &requests] {
    for (std::size_t next = found; next < ended;)
      if (found.compare_exchange_strong(next, next + 1)) bench.threads.run(requests[next++]);
  };
  BOOST_REQUIRE(bench.threads.ensure_running());
  for (Request& request : requests) {
    set(request, count_call);
    ++ended;
    ring(bench.threads.doorbell());
    if (ended % 10 == 0) std::this_thread::sleep_for(1ms);
  }
  BOOST_TEST(eventually([&] { return called == 100; }));
  BOOST_TEST(bench.outbox.count == 100);
  bench.threads.run(requests[0]);  // whoever reaps later finds nothing
  BOOST_TEST(eventually([&] { return called == 101; }));
}

// Its last thread is ended by a callback, and no other can be made then: whoever is
// told so tries again later.
BOOST_AUTO_TEST_CASE(without_a_thread_somebody_is_asked_to_try_again) {
  const ThreadsUnlimited afterwards;
  threads_allowed = 1;
  Bench& bench = new_bench();
  BOOST_REQUIRE(bench.threads.ensure_running());
  Request last;
  set(last, count_and_exit);
  bench.threads.run(last);
  // For want of a spare, then of any.
  BOOST_REQUIRE(eventually([&] { return bench.outbox.retries == 2; }));
  BOOST_TEST(!bench.threads.ensure_queue_runs());
  threads_allowed = 2;
  BOOST_TEST(bench.threads.ensure_queue_runs());
  Request next;
  set(next, count_call);
  BOOST_TEST(bench.threads.run(next));
  BOOST_TEST(eventually([&] { return called == 2; }));
}

// The only thread is stuck in a callback, and had no spare when that began.
BOOST_AUTO_TEST_CASE(a_spare_that_could_not_be_made_is_made_later) {
  const ThreadsUnlimited afterwards;
  threads_allowed = 1;
  Bench& bench = new_bench();
  BOOST_REQUIRE(bench.threads.ensure_running());
  gate_open = false;
  std::array<Request, 2> requests;
  set(requests[0], be_stuck);
  bench.threads.run(requests[0]);
  BOOST_REQUIRE(eventually([&] { return stuck == 1; }));
  BOOST_TEST(bench.outbox.retries == 1);
  set(requests[1], count_call);
  bench.threads.run(requests[1]);
  BOOST_TEST(!bench.threads.ensure_queue_runs());
  threads_allowed = unlimited;
  BOOST_TEST(bench.threads.ensure_queue_runs());
  BOOST_TEST(eventually([&] { return called == 1; }));
  gate_open = true;
  BOOST_TEST(eventually([&] { return called == 2; }));
}

// So a program whose own threads are gone can end.
BOOST_AUTO_TEST_CASE(threads_that_no_callback_is_promised_to_end_and_are_made_anew) {
  Bench& bench = new_bench();
  for (int round = 1; round <= 2; ++round) {
    BOOST_REQUIRE(bench.threads.ensure_running());
    Request request;
    set(request, count_call);
    bench.threads.run(request);
    BOOST_TEST(eventually([&] { return called == round; }));
    std::this_thread::sleep_for(1200ms);
    BOOST_TEST(bench.thread_count() > 0u);  // one is still promised
    bench.threads.settle();
    BOOST_TEST(eventually([&] { return bench.thread_count() == 0; }));
    bench.threads.promise();
  }
}

// A program that closes every descriptor, as daemons do, opens others on their numbers.
BOOST_AUTO_TEST_CASE(a_doorbell_that_the_program_has_closed_is_replaced_and_never_touched_again) {
  Bench& bench = new_bench();
  BOOST_REQUIRE(bench.threads.ensure_running());
  const int number = bench.threads.doorbell();
  const int others = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  BOOST_REQUIRE(::dup2(others, number) == number);
  std::this_thread::sleep_for(1ms);  // so long no answer is good
  std::deque<Request> requests(10);
  for (Request& request : requests) {
    BOOST_REQUIRE(bench.threads.ensure_running());
    set(request, count_call);
    bench.threads.run(request);
    ring(bench.threads.doorbell());
    std::this_thread::sleep_for(1ms);
  }
  BOOST_TEST(eventually([&] { return called == 10; }));
  BOOST_TEST(bench.threads.doorbell() != number);
  std::uint64_t rings = 0;
  BOOST_TEST(::read(others, &rings, sizeof rings) == -1);
  ::close(others);
  ::close(number);
}

BOOST_AUTO_TEST_SUITE_END()
