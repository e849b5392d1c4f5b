// SPDX-License-Identifier: MIT
#include "loads/arrivals.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

using aio_bench::Arrivals;
using aio_bench::Pace;

BOOST_AUTO_TEST_SUITE(arrivals)

namespace {

constexpr std::int64_t begin_ns = 1'000'000'000'000;

std::vector<double> intervals_ns(Arrivals arrivals, int count) {
  std::vector<double> intervals;
  std::int64_t before_ns = begin_ns;
  for (int i = 0; i < count; ++i) {
    const std::int64_t due_ns = arrivals.next_due_ns();
    intervals.push_back(static_cast<double>(due_ns - before_ns));
    before_ns = due_ns;
    arrivals.take(due_ns);
  }
  return intervals;
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

}  // namespace

BOOST_AUTO_TEST_CASE(at_full_pace_the_next_is_always_due) {
  Arrivals arrivals({}, begin_ns, 1);
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST(arrivals.next_due_ns() <= begin_ns);
    arrivals.take(begin_ns);
  }
}

BOOST_AUTO_TEST_CASE(a_limited_pace_is_even) {
  Arrivals arrivals({Pace::Kind::limited, 20'000}, begin_ns, 1);
  for (int i = 0; i < 1000; ++i) {
    BOOST_TEST(arrivals.next_due_ns() == begin_ns + i * 50'000);
    arrivals.take(arrivals.next_due_ns() + 10'000);  // late, which does not add up
  }
}

BOOST_AUTO_TEST_CASE(a_limited_pace_does_not_make_up_for_a_long_stall) {
  Arrivals arrivals({Pace::Kind::limited, 1000}, begin_ns, 1);
  const std::int64_t after_the_stall_ns = begin_ns + 5'000'000'000;
  int due_count = 0;
  for (; arrivals.next_due_ns() <= after_the_stall_ns; ++due_count)
    arrivals.take(after_the_stall_ns);
  BOOST_TEST(due_count <= 12);  // 10 ms of lag, not 5,000 ms
}

// An exponential distribution: its deviation is its mean, and the known part of
// the intervals is longer than so many means.
BOOST_AUTO_TEST_CASE(poisson_intervals_are_exponential) {
  constexpr double mean_ns = 50'000;
  const auto intervals =
      intervals_ns(Arrivals({Pace::Kind::poisson, 20'000}, begin_ns, 42), 200'000);
  const double mean = mean_of(intervals);
  BOOST_TEST(std::abs(mean - mean_ns) < 0.01 * mean_ns);
  double square_sum = 0;
  for (const double interval : intervals) square_sum += (interval - mean) * (interval - mean);
  const double deviation = std::sqrt(square_sum / static_cast<double>(intervals.size()));
  BOOST_TEST(std::abs(deviation - mean_ns) < 0.02 * mean_ns);
  for (const double means : {0.1, 1.0, 3.0}) {
    const auto longer_count = static_cast<double>(std::ranges::count_if(
        intervals, [means](double interval) { return interval > means * mean_ns; }));
    BOOST_TEST(std::abs(longer_count / 200'000 - std::exp(-means)) < 0.005);
  }
}

BOOST_AUTO_TEST_CASE(a_poisson_process_does_not_know_of_stalls) {
  Arrivals prompt({Pace::Kind::poisson, 1000}, begin_ns, 3);
  Arrivals late({Pace::Kind::poisson, 1000}, begin_ns, 3);
  for (int i = 0; i < 1000; ++i) {
    BOOST_TEST(prompt.next_due_ns() == late.next_due_ns());
    prompt.take(prompt.next_due_ns());
    late.take(begin_ns + 60'000'000'000);
  }
}

BOOST_AUTO_TEST_CASE(seeds_give_arrivals_of_their_own) {
  const Pace pace{Pace::Kind::poisson, 1000};
  BOOST_TEST(intervals_ns(Arrivals(pace, begin_ns, 1), 10) ==
             intervals_ns(Arrivals(pace, begin_ns, 1), 10));
  BOOST_TEST(intervals_ns(Arrivals(pace, begin_ns, 1), 10) !=
             intervals_ns(Arrivals(pace, begin_ns, 2), 10));
}

BOOST_AUTO_TEST_SUITE_END()
