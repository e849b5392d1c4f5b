// SPDX-License-Identifier: MIT
#include "stats/histogram.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

using aio_bench::Histogram;

BOOST_AUTO_TEST_SUITE(histogram)

namespace {

constexpr double fractions[] = {0.5, 0.9, 0.99, 0.999, 0.9999};

double relative_error(double value, double truth) { return std::abs(value - truth) / truth; }

}  // namespace

BOOST_AUTO_TEST_CASE(an_empty_one_has_no_figures) {
  const Histogram none;
  BOOST_TEST(none.count() == 0u);
  BOOST_TEST(none.percentile(0.99) == 0);
  BOOST_TEST(none.mean_ns() == 0);
  BOOST_TEST(none.buckets().empty());
}

BOOST_AUTO_TEST_CASE(small_values_are_exact) {
  Histogram histogram;
  for (std::int64_t value = 1; value <= 200; ++value) histogram.record(value);
  BOOST_TEST(histogram.percentile(0) == 1);
  BOOST_TEST(histogram.percentile(0.5) == 100);
  BOOST_TEST(histogram.percentile(0.99) == 198);
  BOOST_TEST(histogram.percentile(1) == 200);
  BOOST_TEST(histogram.mean_ns() == 100.5);
}

BOOST_AUTO_TEST_CASE(one_value_of_any_size_is_found_within_half_a_per_cent) {
  for (std::int64_t value = 1; value < INT64_C(2'000'000'000'000); value += value / 3 + 1) {
    Histogram histogram;
    // Others around it, so that neither extreme decides.
    histogram.record(0);
    histogram.record(value);
    histogram.record(2 * value + 1);
    BOOST_TEST(relative_error(static_cast<double>(histogram.percentile(0.5)),
                              static_cast<double>(value)) <= 0.005);
  }
}

BOOST_AUTO_TEST_CASE(percentiles_of_a_uniform_distribution) {
  Histogram histogram;
  for (std::int64_t value = 1; value <= 1'000'000; ++value) histogram.record(value);
  for (const double fraction : fractions)
    BOOST_TEST(relative_error(static_cast<double>(histogram.percentile(fraction)), fraction * 1e6) <
               0.005);
}

// -ln(1 - fraction) times the mean: what is known of the whole distribution.
BOOST_AUTO_TEST_CASE(percentiles_of_an_exponential_distribution) {
  Histogram histogram;
  constexpr int count = 1'000'000;
  for (int i = 0; i < count; ++i)
    histogram.record(static_cast<std::int64_t>(-std::log(1 - (i + 0.5) / count) * 80'000));
  for (const double fraction : fractions)
    BOOST_TEST(relative_error(static_cast<double>(histogram.percentile(fraction)),
                              -std::log(1 - fraction) * 80'000) < 0.01);
  BOOST_TEST(relative_error(histogram.mean_ns(), 80'000) < 0.001);
}

BOOST_AUTO_TEST_CASE(percentiles_agree_with_sorting) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> latency(11, 1.5);
  Histogram histogram;
  std::vector<std::int64_t> values(50'000);
  for (std::int64_t& value : values) {
    value = static_cast<std::int64_t>(latency(random));
    histogram.record(value);
  }
  std::ranges::sort(values);
  for (const double fraction : fractions) {
    const auto rank =
        static_cast<std::size_t>(std::ceil(fraction * static_cast<double>(values.size())));
    BOOST_TEST(relative_error(static_cast<double>(histogram.percentile(fraction)),
                              static_cast<double>(values[rank - 1])) < 0.005);
  }
  BOOST_TEST(histogram.percentile(1) == values.back());
}

BOOST_AUTO_TEST_CASE(merged_parts_are_as_the_whole) {
  Histogram whole, even, odd;
  for (std::int64_t i = 0; i < 10'000; ++i) {
    const std::int64_t value = i * i;
    whole.record(value);
    (i % 2 == 0 ? even : odd).record(value);
  }
  even.merge(odd);
  BOOST_TEST(even.count() == whole.count());
  BOOST_TEST(even.mean_ns() == whole.mean_ns());
  for (const double fraction : {0.0, 0.5, 0.99, 1.0})
    BOOST_TEST(even.percentile(fraction) == whole.percentile(fraction));
}

BOOST_AUTO_TEST_CASE(buckets_are_ascending_narrow_and_hold_everything) {
  Histogram histogram;
  std::uint64_t recorded_count = 0;
  for (std::int64_t value = 1; value < INT64_C(1'000'000'000'000); value += value / 50 + 1) {
    histogram.record(value);
    ++recorded_count;
  }
  std::uint64_t count = 0, end = 0;
  for (const Histogram::Bucket& bucket : histogram.buckets()) {
    BOOST_TEST(bucket.first_ns >= end);
    BOOST_TEST(bucket.last_ns >= bucket.first_ns);
    BOOST_TEST(bucket.count > 0u);
    BOOST_TEST((bucket.first_ns < 256 || static_cast<double>(bucket.last_ns - bucket.first_ns) <
                                             0.01 * static_cast<double>(bucket.first_ns)));
    end = bucket.last_ns + 1;
    count += bucket.count;
  }
  BOOST_TEST(count == recorded_count);
}

BOOST_AUTO_TEST_CASE(what_is_longer_than_it_can_tell_counts_as_the_longest) {
  Histogram histogram;
  histogram.record(INT64_MAX);
  histogram.record(-5);
  BOOST_TEST(histogram.count() == 2u);
  BOOST_TEST(histogram.percentile(0) == 0);
  BOOST_TEST(histogram.percentile(1) == INT64_MAX);
  histogram = Histogram();
  BOOST_TEST(histogram.count() == 0u);
  BOOST_TEST(histogram.percentile(1) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
