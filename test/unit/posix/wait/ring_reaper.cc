// SPDX-License-Identifier: MIT
// Who takes events, who sleeps, and that none is left behind, on a ring in memory.
#include "posix/wait/ring_reaper.h"
#include "support/deadline.h"
#include "support/precondition.h"
#include "unit/core/kernel/fake_kernel.h"

#include <boost/test/unit_test.hpp>

#include <deque>
#include <functional>
#include <poll.h>
#include <thread>

using kaio::RingReaper;
using kaio::Transfer;
using support::eventually;
using unit::FakeKernel;
using Led = kaio::RingReaper::Led;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(ring_reaper)

namespace {

struct CountingSink final : kaio::ResultSink {
  void on_result(Transfer&, std::int32_t answer) override {
    last_answer = answer;
    if (++answers == 1 && on_first_answer) on_first_answer();
  }
  void drain() override {}
  std::function<void()> on_first_answer;
  std::atomic<int> answers{0};
  std::atomic<std::int32_t> last_answer{0};
};

struct Waits final : kaio::WaitSet {
  explicit Waits(CountingSink& watched, int enough, OnRing where = OnRing::all)
      : sink(watched), wanted(enough), place(where) {}
  bool done() const override { return finished || sink.answers >= wanted; }
  OnRing on_ring() const override { return place; }
  bool mark() override {
    marked = true;
    return done();
  }
  bool cancellable() const override { return can_cancel; }
  CountingSink& sink;
  int wanted;
  OnRing place;
  std::atomic<bool> marked{false};
  std::atomic<bool> finished{false};
  bool can_cancel = false;
};

struct Bench {
  explicit Bench(bool ring = true) : options{.read_ring = ring} { context.available(); }
  // An event for which a place was taken, as after a submission.
  void complete(long result = 1) {
    context.reserve();
    kernel.add(&transfer, result);
  }
  FakeKernel kernel;
  kaio::KernelOptions options;
  kaio::Statistics statistics;
  CountingSink sink;
  kaio::Context context{options, statistics};
  RingReaper ring_reaper{context, sink};
  Transfer transfer;
};

}  // namespace

BOOST_AUTO_TEST_CASE(reaping_takes_everything_without_a_system_call) {
  Bench bench;
  for (int i = 0; i < 100; ++i) bench.complete(-EIO);
  bench.ring_reaper.reap();
  BOOST_TEST(bench.sink.answers == 100);
  BOOST_TEST(bench.sink.last_answer == -EIO);
  BOOST_TEST(bench.context.in_flight() == 0u);
  BOOST_TEST(bench.kernel.get_events_calls == 0);
}

BOOST_AUTO_TEST_CASE(without_the_ring_reaping_takes_everything_too) {
  Bench bench(false);
  for (int i = 0; i < 100; ++i) bench.complete();
  bench.ring_reaper.reap();
  BOOST_TEST(bench.sink.answers == 100);
  BOOST_TEST(bench.context.in_flight() == 0u);
}

// As a signal handler does, when the one that it interrupted has only handled the first of
// those that one call has fetched.
BOOST_AUTO_TEST_CASE(without_the_ring_a_nested_reap_loses_nothing) {
  Bench bench(false);
  for (int i = 0; i < 3; ++i) bench.complete();
  bench.sink.on_first_answer = [&bench] {
    for (int i = 0; i < 2; ++i) bench.complete();
    bench.ring_reaper.reap();
  };
  bench.ring_reaper.reap();
  BOOST_TEST(bench.sink.answers == 5);
  BOOST_TEST(bench.context.in_flight() == 0u);
}

BOOST_AUTO_TEST_CASE(a_leader_sleeps_until_an_event_comes_and_handles_it) {
  for (const bool ring : {true, false}) {
    Bench bench(ring);
    Waits waits(bench.sink, 1);
    bench.context.reserve();
    std::atomic<Led> led{Led::busy};
    std::thread leader([&] { led = bench.ring_reaper.lead(kaio::sys::forever, waits); });
    BOOST_TEST(
        eventually([&] { return bench.kernel.get_events_calls > 0 && bench.ring_reaper.led(); }));
    BOOST_TEST(bench.sink.answers == 0);
    bench.kernel.add(&bench.transfer, 5);
    leader.join();
    BOOST_TEST(int(led.load()) == int(Led::reaped));
    BOOST_TEST(bench.sink.answers == 1);
    BOOST_TEST(!bench.ring_reaper.led());
  }
}

BOOST_AUTO_TEST_CASE(a_leader_without_the_ring_sleeps_instead_of_spinning) {
  Bench bench(false);
  Waits waits(bench.sink, 1);
  bench.context.reserve();  // something is in flight, and does not end
  const auto took = support::time_of([&] {
    const auto deadline = kaio::sys::monotonic_ns() + 50'000'000;
    BOOST_TEST(int(bench.ring_reaper.lead(deadline, waits)) == int(Led::timed_out));
  });
  BOOST_TEST((took >= 40ms));
}

BOOST_AUTO_TEST_CASE(a_leader_whose_time_is_up_says_so) {
  Bench bench;
  Waits waits(bench.sink, 1);
  BOOST_TEST(int(bench.ring_reaper.lead(kaio::sys::monotonic_ns() - 1, waits)) ==
             int(Led::timed_out));
  BOOST_TEST(int(bench.ring_reaper.lead(kaio::sys::monotonic_ns() + 1'000'000, waits)) ==
             int(Led::timed_out));
  BOOST_TEST(!bench.ring_reaper.led());
}

BOOST_AUTO_TEST_CASE(what_is_there_or_done_already_is_not_slept_for) {
  Bench bench;
  Waits waits(bench.sink, 1);
  bench.complete();
  BOOST_TEST(int(bench.ring_reaper.lead(kaio::sys::forever, waits)) == int(Led::reaped));
  BOOST_TEST(bench.sink.answers == 1);
  BOOST_TEST(int(bench.ring_reaper.lead(kaio::sys::forever, waits)) == int(Led::reaped));
  BOOST_TEST(bench.kernel.get_events_calls == 0);
}

// A transfer of the pool ends after the leader asked for it, and is not found to be off
// the ring any more.
BOOST_AUTO_TEST_CASE(what_ends_between_two_questions_of_the_leader_is_not_slept_for) {
  struct EndsWhenAsked final : kaio::WaitSet {
    bool done() const override { return ended; }
    OnRing on_ring() const override {
      ended = true;
      return OnRing::all;
    }
    bool mark() override { return done(); }
    bool cancellable() const override { return false; }
    mutable bool ended = false;
  };
  Bench bench;
  EndsWhenAsked waits;
  const auto deadline = kaio::sys::monotonic_ns() + 1'000'000'000;
  BOOST_TEST(int(bench.ring_reaper.lead(deadline, waits)) == int(Led::reaped));
  BOOST_TEST(bench.kernel.get_events_calls == 0);
}

// It stands for a signal handler between the leader's last look and its sleep.
BOOST_AUTO_TEST_CASE(a_handler_that_takes_the_event_of_the_leader_below_calls_it) {
  static Bench* bench;
  static int call_fd;
  static bool called;
  Bench made;
  bench = &made;
  call_fd = -1;
  called = false;
  made.kernel.calls()->io_submit = [](io_context_t, long count, iocb** iocbs) {
    call_fd = iocbs[0]->aio_fildes;
    return static_cast<int>(count);
  };
  made.kernel.on_get_events = [] {
    bench->complete();
    bench->ring_reaper.reap();
    pollfd call{.fd = call_fd, .events = POLLIN, .revents = 0};
    called = ::poll(&call, 1, 0) == 1;
    bench->complete();  // ends the sleep, called or not
  };
  Waits waits(made.sink, 1);
  made.ring_reaper.lead(kaio::sys::forever, waits);
  BOOST_TEST(made.sink.answers == 2);
  BOOST_TEST(called);
}

BOOST_AUTO_TEST_CASE(a_second_leader_is_told_that_there_is_one) {
  Bench bench;
  Waits waits(bench.sink, 1);
  std::thread leader([&] { bench.ring_reaper.lead(kaio::sys::forever, waits); });
  BOOST_TEST(eventually([&] { return bench.kernel.get_events_calls > 0; }));
  BOOST_TEST(int(bench.ring_reaper.lead(kaio::sys::forever, waits)) == int(Led::busy));
  bench.complete();
  leader.join();
}

BOOST_AUTO_TEST_CASE(a_refused_io_getevents_becomes_frequent_looks) {
  Bench bench;
  bench.kernel.calls()->io_getevents = [](io_context_t, long, long, io_event*, const timespec*) {
    return -EPERM;
  };
  Waits waits(bench.sink, 1);
  for (int i = 0; i < 3; ++i)
    BOOST_TEST(int(bench.ring_reaper.lead(kaio::sys::forever, waits)) == int(Led::reaped));
  bench.complete();
  bench.ring_reaper.lead(kaio::sys::forever, waits);
  BOOST_TEST(bench.sink.answers == 1);
}

BOOST_AUTO_TEST_CASE(an_interrupted_sleep_is_reported) {
  Bench bench;
  bench.kernel.calls()->io_getevents = [](io_context_t, long, long, io_event*, const timespec*) {
    return -EINTR;
  };
  Waits waits(bench.sink, 1);
  BOOST_TEST(int(bench.ring_reaper.lead(kaio::sys::forever, waits)) == int(Led::interrupted));
  BOOST_TEST(!bench.ring_reaper.led());
}

BOOST_AUTO_TEST_CASE(debt_rings_for_who_listens_when_nobody_leads_and_when_a_leader_leaves) {
  Bench bench;
  std::uint64_t rings = 0;
  BOOST_REQUIRE(bench.context.doorbell().ensure());
  const int doorbell = bench.context.doorbell().number();
  bench.ring_reaper.require_reaping();  // nobody listens
  bench.ring_reaper.reaper_listens(true);
  bench.ring_reaper.require_reaping();
  BOOST_TEST(bench.ring_reaper.reaping_required());
  BOOST_TEST(::read(doorbell, &rings, sizeof rings) == 8);
  BOOST_TEST(rings == 1);
  Waits waits(bench.sink, 1);
  bench.complete();
  bench.ring_reaper.lead(kaio::sys::forever, waits);
  BOOST_TEST(::read(doorbell, &rings, sizeof rings) == 8);
  bench.ring_reaper.release_reaping();
  bench.ring_reaper.release_reaping();
  BOOST_TEST(!bench.ring_reaper.reaping_required());
}

BOOST_AUTO_TEST_CASE(a_leaving_leader_promotes_one_follower) {
  Bench bench;
  const std::uint32_t before = bench.ring_reaper.leader_word().load();
  bench.complete();
  bench.ring_reaper.reap();
  BOOST_TEST(bench.ring_reaper.leader_word().load() == before);  // nobody follows
  bench.ring_reaper.add_follower();
  bench.complete();
  bench.ring_reaper.reap();
  BOOST_TEST(bench.ring_reaper.leader_word().load() == before + 1);
  bench.ring_reaper.remove_follower();
}

BOOST_AUTO_TEST_CASE(a_leader_that_cannot_be_called_does_not_sleep_for_ever) {
  Bench bench;
  bench.kernel.calls()->io_submit = [](io_context_t, long, iocb**) { return -EPERM; };
  Waits waits(bench.sink, 1, kaio::WaitSet::OnRing::some);
  std::atomic<bool> left{false};
  std::thread leader([&] {
    while (!waits.done()) bench.ring_reaper.lead(kaio::sys::forever, waits);
    left = true;
  });
  BOOST_TEST(eventually([&] { return bench.kernel.get_events_calls > 0; }));
  waits.finished = true;  // as a pool thread ends a transfer
  bench.ring_reaper.wake_leader();
  BOOST_TEST(eventually([&] { return left.load(); }, 2s));
  bench.complete();
  leader.join();
}

BOOST_AUTO_TEST_SUITE_END()
