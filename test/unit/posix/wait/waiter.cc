// SPDX-License-Identifier: MIT
// Who leads, who follows, and what ends either.
#include "unit/posix/wait/completion_bench.h"
#include "support/precondition.h"

#include <csignal>

#include <boost/test/unit_test.hpp>

#include <deque>
#include <pthread.h>
#include <thread>

using kaio::Request;
using kaio::StatusCell;
using kaio::Waited;
using support::eventually;
using support::stays;
using unit::CompletionBench;
namespace status = kaio::status;
using OnRing = kaio::WaitSet::OnRing;

BOOST_AUTO_TEST_SUITE(waiting)

namespace {

// Until any of the cells is done.
struct AnyOf final : kaio::FutexWaitSet {
  AnyOf(std::initializer_list<StatusCell*> list, OnRing where) : cells(list), place(where) {}
  bool done() const override {
    for (const StatusCell* cell : cells)
      if (!status::is_in_progress(cell->word)) return true;
    return false;
  }
  OnRing on_ring() const override { return place; }
  bool mark() override {
    for (StatusCell* cell : cells)
      for (std::uint32_t now = cell->word;
           status::is_in_progress(now) &&
           !cell->word.compare_exchange_weak(now, now | status::waiter);) {
      }
    return done();
  }
  bool is_cancellation_point() const override { return false; }
  std::size_t words(std::span<kaio::sys::FutexExpectation> space) override {
    for (std::size_t i = 0; i < cells.size(); ++i)
      space[i] = {.expected = status::in_progress | status::waiter, .word = &cells[i]->word};
    return cells.size();
  }
  std::vector<StatusCell*> cells;
  std::atomic<OnRing> place;
};

// A thread that waits; joined when it goes.
class Waiting {
 public:
  Waiting(CompletionBench& shop, AnyOf& waits, kaio::sys::Deadline deadline = kaio::sys::forever)
      : thread_([this, &shop, &waits, deadline] {
          outcome_ = int(shop.waiter.wait(waits, deadline));
        }) {}
  ~Waiting() { thread_.join(); }
  bool over() const { return outcome_ >= 0; }
  bool ends() const {
    return eventually([this] { return over(); });
  }
  bool goes_on() const {
    return stays([this] { return !over(); });
  }
  int outcome() const { return outcome_; }

 private:
  std::atomic<int> outcome_{-1};
  std::thread thread_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_done_is_not_waited_for) {
  CompletionBench shop;
  StatusCell cell{};
  Request& request = shop.begin(cell);
  shop.completer.complete(request, 1);
  AnyOf waits({&cell}, OnRing::all);
  BOOST_TEST(int(shop.waiter.wait(waits, kaio::sys::forever)) == int(Waited::done));
  BOOST_TEST(shop.kernel.get_events_calls == 0);
}

BOOST_AUTO_TEST_CASE(what_is_in_the_ring_is_taken_without_sleeping) {
  CompletionBench shop;
  StatusCell cell{};
  shop.kernel.add(&shop.begin(cell, true), 16);
  AnyOf waits({&cell}, OnRing::all);
  BOOST_TEST(int(shop.waiter.wait(waits, kaio::sys::forever)) == int(Waited::done));
  BOOST_TEST(cell.result_bytes == 16);
  BOOST_TEST(shop.kernel.get_events_calls == 0);
}

BOOST_AUTO_TEST_CASE(who_waits_for_the_ring_alone_leads_and_sets_no_waiter_bit) {
  CompletionBench shop;
  StatusCell cell{};
  Request& request = shop.begin(cell, true);
  AnyOf waits({&cell}, OnRing::all);
  Waiting waiting(shop, waits);
  BOOST_TEST(eventually([&] { return shop.kernel.get_events_calls > 0; }));
  BOOST_TEST(shop.ring_reaper.led());
  BOOST_TEST(cell.word == status::in_progress);
  shop.kernel.add(&request, 1);
  BOOST_TEST(waiting.ends());
}

BOOST_AUTO_TEST_CASE(who_has_nothing_in_the_ring_follows_and_is_woken_by_the_end) {
  CompletionBench shop;
  StatusCell cell{};
  Request& request = shop.begin(cell);
  AnyOf waits({&cell}, OnRing::none);
  Waiting waiting(shop, waits);
  BOOST_TEST(eventually([&] { return (cell.word & status::waiter) != 0; }));
  BOOST_TEST(waiting.goes_on());
  BOOST_TEST(!shop.ring_reaper.led());
  shop.completer.complete(request, 1);
  BOOST_TEST(waiting.ends());
  BOOST_TEST(shop.kernel.get_events_calls == 0);
}

BOOST_AUTO_TEST_CASE(a_leader_completes_what_others_wait_for_and_the_next_one_leads_on) {
  CompletionBench shop;
  StatusCell first{}, second{}, third{};
  Request& of_leader = shop.begin(first, true);
  Request& of_follower = shop.begin(second, true);
  Request& of_next = shop.begin(third, true);
  AnyOf leads({&first}, OnRing::all), follows({&second}, OnRing::all), next({&third}, OnRing::all);
  Waiting leader(shop, leads);
  BOOST_TEST(eventually([&] { return shop.kernel.get_events_calls > 0; }));
  Waiting follower(shop, follows), last(shop, next);
  BOOST_TEST(eventually([&] { return ((second.word & third.word) & status::waiter) != 0; }));
  BOOST_TEST(follower.goes_on());
  shop.kernel.add(&of_follower, 1);  // the leader takes it, and leads on
  BOOST_TEST(follower.ends());
  BOOST_TEST(!leader.over());
  shop.kernel.add(&of_leader, 1);
  BOOST_TEST(leader.ends());
  BOOST_TEST(eventually([&] { return shop.ring_reaper.led(); }));  // promoted
  BOOST_TEST(!last.over());
  shop.kernel.add(&of_next, 1);
  BOOST_TEST(last.ends());
}

// The bystander slept first, so that a promotion for one would wake it.
BOOST_AUTO_TEST_CASE(a_bystander_does_not_keep_a_promotion) {
  for (const bool timed : {false, true}) {
    CompletionBench shop;
    StatusCell first{}, second{}, elsewhere{};
    Request& of_leader = shop.begin(first, true);
    Request& of_follower = shop.begin(second, true);
    Request& of_pool = shop.begin(elsewhere);
    AnyOf leads({&first}, OnRing::all), follows({&second}, OnRing::all);
    AnyOf stands_by({&elsewhere}, OnRing::none);
    Waiting leader(shop, leads);
    BOOST_TEST(eventually([&] { return shop.kernel.get_events_calls > 0; }));
    Waiting bystander(shop, stands_by,
                      timed ? kaio::sys::monotonic_ns() + 60'000'000'000 : kaio::sys::forever);
    BOOST_TEST(eventually([&] { return (elsewhere.word & status::waiter) != 0; }));
    BOOST_TEST(bystander.goes_on());
    Waiting follower(shop, follows);
    BOOST_TEST(eventually([&] { return (second.word & status::waiter) != 0; }));
    BOOST_TEST(follower.goes_on());
    const int calls = shop.kernel.get_events_calls;
    shop.kernel.add(&of_leader, 1);
    BOOST_TEST(leader.ends());
    BOOST_TEST(eventually([&] { return shop.kernel.get_events_calls > calls; }));
    shop.kernel.add(&of_follower, 1);
    BOOST_TEST(follower.ends());
    BOOST_TEST(!bystander.over());
    shop.completer.complete(of_pool, 1);
    BOOST_TEST(bystander.ends());
  }
}

BOOST_AUTO_TEST_CASE(a_wait_ends_with_its_time_wherever_it_sleeps) {
  for (const OnRing place : {OnRing::all, OnRing::some, OnRing::none}) {
    CompletionBench shop;
    StatusCell cell{};
    shop.begin(cell);
    AnyOf waits({&cell}, place);
    const auto took = support::time_of([&] {
      BOOST_TEST(int(shop.waiter.wait(waits, kaio::sys::monotonic_ns() + 30'000'000)) ==
                 int(Waited::timed_out));
    });
    BOOST_TEST((took >= std::chrono::milliseconds(25)));
    BOOST_TEST(!shop.ring_reaper.led());
  }
}

BOOST_AUTO_TEST_CASE(a_leader_that_was_interrupted_says_so_when_its_time_is_limited) {
  struct sigaction before {};
  struct sigaction handled {};
  handled.sa_handler = [](int) {};
  ::sigaction(SIGUSR1, &handled, &before);
  CompletionBench shop;
  StatusCell cell{};
  shop.begin(cell, true);
  shop.kernel.calls()->io_getevents = [](io_context_t, long, long, io_event*, const timespec*) {
    return -EINTR;
  };
  AnyOf waits({&cell}, OnRing::all);
  BOOST_TEST(int(shop.waiter.wait(waits, kaio::sys::monotonic_ns() + 10'000'000'000)) ==
             int(Waited::interrupted));
  ::sigaction(SIGUSR1, &before, nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
