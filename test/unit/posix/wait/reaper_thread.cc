// SPDX-License-Identifier: MIT
#include "posix/wait/reaper_thread.h"
#include "support/deadline.h"
#include "unit/core/kernel/fake_kernel.h"

#include <boost/test/unit_test.hpp>

#include <functional>

using support::eventually;

BOOST_AUTO_TEST_SUITE(reaper_thread)

namespace {

// The reaper over kernel AIO in memory. Its thread may end a little later than the case does.
struct ReaperBench final : kaio::ResultSink, kaio::PeriodicWork {
  ReaperBench() { context.available(); }
  void on_result(kaio::Transfer&, std::int32_t) override {}
  void drain() override {}
  std::int64_t try_again() override {
    on_look(++looks);
    return kaio::sys::forever;
  }
  bool is_due() const noexcept override { return false; }

  // In the reaper's thread, which has begun to look at its work: for which time.
  std::function<void(int)> on_look = [](int) {};
  std::atomic<int> looks{0};
  unit::FakeKernel kernel;
  kaio::KernelOptions options;
  kaio::Statistics statistics;
  kaio::Context context{options, statistics};
  kaio::RingReaper ring_reaper{context, *this};
  kaio::ReaperThread reaper_thread{ring_reaper, *this, *this, statistics};
};

}  // namespace

// It would lead then, and see nothing but completions for a while.
BOOST_AUTO_TEST_CASE(a_call_that_comes_before_it_sleeps_is_not_slept_over) {
  const unit::FakedCalls calls;
  auto& bench = *new ReaperBench;
  std::atomic<int> slept_before_second_look{-1};
  bench.on_look = [&](int look) {
    if (look == 1) bench.reaper_thread.wake();
    if (look == 2) slept_before_second_look = bench.kernel.get_events_calls.load();
  };
  bench.ring_reaper.require_reaping();
  BOOST_REQUIRE(bench.reaper_thread.ensure_running());
  BOOST_REQUIRE(eventually([&] { return slept_before_second_look >= 0; }));
  BOOST_TEST(slept_before_second_look == 0);
  // Whereas without a call it does sleep there.
  BOOST_TEST(eventually([&] { return bench.kernel.get_events_calls > 0; }));
  bench.ring_reaper.release_reaping();
  BOOST_TEST(eventually([&] { return bench.statistics.get(kaio::Count::threads_ended) == 1; }));
}

BOOST_AUTO_TEST_SUITE_END()
