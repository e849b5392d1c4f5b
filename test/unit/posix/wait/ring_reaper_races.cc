// SPDX-License-Identifier: MIT
// Nobody waits for the reap lock: whoever is refused relies on its holder to
// look again. So when all have gone, no event may be left.
#include "posix/wait/ring_reaper.h"
#include "support/deadline.h"
#include "support/precondition.h"
#include "unit/core/kernel/fake_kernel.h"

#include <boost/test/unit_test.hpp>

#include <barrier>
#include <pthread.h>
#include <thread>

using kaio::RingReaper;
using kaio::Transfer;
using support::eventually;
using unit::FakeKernel;

BOOST_AUTO_TEST_SUITE(ring_reaper_races)

namespace {

struct Tally final : kaio::ResultSink {
  void on_result(Transfer& transfer, std::int32_t answer) override {
    if (answer == 1) mine = true;
    (void)transfer;
    ++answers;
  }
  void drain() override {}
  std::atomic<int> answers{0};
  std::atomic<bool> mine{false};
};

struct UntilMine final : kaio::WaitSet {
  explicit UntilMine(const Tally& watched) : tally(watched) {}
  bool done() const override { return tally.mine; }
  OnRing on_ring() const override { return OnRing::all; }
  bool mark() override { return done(); }
  bool cancellable() const override { return true; }
  const Tally& tally;
};

struct Bench {
  explicit Bench(bool ring = true) : options{.read_ring = ring} { context.available(); }
  void complete(long result) {
    // What was taken last has its place until it is handled.
    while (!context.reserve()) std::this_thread::yield();
    kernel.add(&transfer, result);
  }
  FakeKernel kernel;
  kaio::KernelOptions options;
  kaio::Statistics statistics;
  Tally tally;
  kaio::Context context{options, statistics};
  RingReaper ring_reaper{context, tally};
  Transfer transfer;
};

Bench* bench_of_hook = nullptr;

}  // namespace

// As aio_suspend does it: it leads, and goes once its own transfer is done. The
// other thread stands for the reaper, which looks when the doorbell rings.
BOOST_AUTO_TEST_CASE(an_event_that_came_while_a_leader_left_is_not_left_behind) {
  const int rounds = (support::sanitized ? 5000 : 40000) / support::slowness();
  Bench bench;
  std::barrier turn(2);
  std::thread leader([&] {
    for (int round = 0; round < rounds; ++round) {
      turn.arrive_and_wait();
      UntilMine until_mine(bench.tally);
      while (!until_mine.done()) bench.ring_reaper.lead(kaio::sys::forever, until_mine);
      turn.arrive_and_wait();
    }
  });
  int left_behind = 0;
  for (int round = 0; round < rounds; ++round) {
    bench.tally.mine = false;
    bench.complete(1);
    turn.arrive_and_wait();
    for (volatile int pause = round % 400; pause > 0;) pause = pause - 1;
    bench.complete(2);
    bench.ring_reaper.reap();
    turn.arrive_and_wait();
    if (!bench.kernel.empty()) ++left_behind;
    bench.ring_reaper.reap();
  }
  leader.join();
  BOOST_TEST(left_behind == 0);
  BOOST_TEST(bench.tally.answers == 2 * rounds);
}

BOOST_AUTO_TEST_CASE(two_ring_reapers_take_each_event_once) {
  const int rounds = (support::sanitized ? 2000 : 20000) / support::slowness();
  Bench bench;
  std::atomic<bool> ending{false};
  std::thread other([&] {
    while (!ending) bench.ring_reaper.reap();
  });
  for (int round = 0; round < rounds; ++round) {
    bench.complete(2);
    if (round % 3 == 0) bench.ring_reaper.reap();
    if (round % 64 == 0) BOOST_REQUIRE(eventually([&] { return bench.kernel.empty(); }));
  }
  ending = true;
  other.join();
  bench.ring_reaper.reap();
  BOOST_TEST(bench.tally.answers == rounds);
  BOOST_TEST(bench.context.in_flight() == 0u);
}

// The event arrives, and its doorbell's thread looks, after a thread that reaps
// without the ring has asked the kernel, and before it gives up the lock.
BOOST_AUTO_TEST_CASE(without_the_ring_a_refused_look_is_made_up_for) {
  Bench bench(false);
  bench_of_hook = &bench;
  bench.context.reserve();  // worth a look
  bench.kernel.calls()->io_getevents = [](io_context_t, long, long most, io_event* events,
                                          const timespec*) {
    static std::atomic<int> looks{0};
    if (looks.fetch_add(1) == 0) {
      std::thread doorbell([] { bench_of_hook->ring_reaper.reap(); });
      doorbell.join();
      return 0;  // asked before the event came
    }
    if (looks != 2 || most < 1) return 0;
    events[0] = {};
    events[0].data = &bench_of_hook->transfer;
    events[0].obj = &bench_of_hook->transfer.control;
    events[0].res = 2;
    return 1;
  };
  bench.ring_reaper.reap();
  BOOST_TEST(bench.tally.answers == 1);
}

// Cancellation may strike in the sanitizer's own code, which cannot be unwound.
BOOST_AUTO_TEST_CASE(a_cancelled_leader_leaves_the_lock_free_and_no_event_behind,
                     *support::without_sanitizer()) {
  for (int round = 0; round < 30; ++round) {
    Bench bench;
    UntilMine until_mine(bench.tally);
    std::thread leader([&] { bench.ring_reaper.lead(kaio::sys::forever, until_mine); });
    BOOST_REQUIRE(eventually([&] { return bench.kernel.get_events_calls > 0; }));
    if (round % 3 == 1) bench.complete(2);
    BOOST_REQUIRE(::pthread_cancel(leader.native_handle()) == 0);
    if (round % 3 == 2) bench.complete(2);
    leader.join();
    BOOST_REQUIRE(!bench.ring_reaper.led());
    bench.ring_reaper.reap();
    BOOST_REQUIRE(bench.kernel.empty());
    BOOST_REQUIRE(bench.tally.answers == (round % 3 == 0 ? 0 : 1));
    UntilMine again(bench.tally);
    BOOST_REQUIRE(int(bench.ring_reaper.lead(kaio::sys::monotonic_ns() + 1'000'000, again)) ==
                  int(RingReaper::Led::timed_out));
  }
}

BOOST_AUTO_TEST_SUITE_END()
