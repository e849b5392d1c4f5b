// SPDX-License-Identifier: MIT
// Percentiles of distributions that are known.
#include "figures/histogram.h"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

using aio_bench::Histogram;

BOOST_AUTO_TEST_SUITE(histogram)

constexpr double fractions[] = {0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999};
constexpr int sample_count = 1'000'000;

// The quantile function of each, at evenly spaced fractions: the sample has exactly
// the percentiles of the distribution.
struct Distribution {
  const char* name;
  double (*value_ns)(double fraction);
};
std::ostream& operator<<(std::ostream& out, const Distribution& one) { return out << one.name; }

const Distribution distributions[] = {
    {"uniform", [](double fraction) { return 1e3 + 1e6 * fraction; }},
    {"exponential", [](double fraction) { return -80e3 * std::log(1 - fraction) + 5e3; }},
    {"heavy tail", [](double fraction) { return 20e3 * std::pow(1 - fraction, -0.8); }},
    {"two peaks", [](double fraction) { return fraction < 0.95 ? 90e3 : 10e6; }},
    {"a few nanoseconds", [](double fraction) { return std::floor(1 + 200 * fraction); }},
    {"minutes", [](double fraction) { return 1e9 + 600e9 * fraction; }},
};

BOOST_DATA_TEST_CASE(percentiles_are_within_one_per_cent, distributions, distribution) {
  Histogram histogram;
  for (int i = 0; i < sample_count; ++i)
    histogram.record(static_cast<std::int64_t>(
        distribution.value_ns((i + 0.5) / sample_count)));
  for (const double fraction : fractions) {
    const double wanted = distribution.value_ns(fraction);
    BOOST_TEST(std::abs(static_cast<double>(histogram.percentile(fraction)) - wanted) <=
               std::max(0.01 * wanted, 1.0));
  }
  BOOST_TEST(histogram.count() == sample_count);
}

BOOST_AUTO_TEST_CASE(least_greatest_and_mean_are_exact) {
  Histogram histogram;
  for (const int value : {1234567, 89, 40000000}) histogram.record(value);
  BOOST_TEST(histogram.percentile(0) == 89);
  BOOST_TEST(histogram.percentile(1) == 40000000);
  BOOST_TEST(histogram.mean_ns() == (1234567.0 + 89 + 40000000) / 3);
}

BOOST_AUTO_TEST_CASE(two_merged_say_what_one_would) {
  Histogram low, high, all;
  for (int i = 1; i <= 20'000; ++i) {
    (i % 3 == 0 ? low : high).record(i * 977);
    all.record(i * 977);
  }
  low.merge(high);
  for (const double fraction : fractions)
    BOOST_TEST(low.percentile(fraction) == all.percentile(fraction));
  BOOST_TEST(low.count() == all.count());
}

BOOST_AUTO_TEST_CASE(buckets_hold_every_value_and_are_narrow) {
  Histogram histogram;
  for (std::int64_t value = 1; value < INT64_C(1) << 40; value += value / 50 + 1)
    histogram.record(value);
  const auto buckets = histogram.buckets();
  const auto count = std::accumulate(buckets.begin(), buckets.end(), UINT64_C(0),
                                     [](auto sum, const auto& one) { return sum + one.count; });
  BOOST_TEST(count == histogram.count());
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    BOOST_TEST(buckets[i].last_ns - buckets[i].first_ns <= buckets[i].first_ns / 100);
    if (i > 0) BOOST_TEST(buckets[i].first_ns > buckets[i - 1].last_ns);
  }
}

BOOST_AUTO_TEST_SUITE_END()
