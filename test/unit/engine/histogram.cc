// SPDX-License-Identifier: MIT
#include <kaio/engine/statistics.h>

#include <boost/test/unit_test.hpp>

#include <cstdint>

using kaio::Histogram;

BOOST_AUTO_TEST_SUITE(histogram)

BOOST_AUTO_TEST_CASE(buckets_follow_each_other_without_a_gap) {
  std::uint64_t first_ns = 0;
  for (unsigned bucket = 0; bucket < Histogram::bucket_count; ++bucket) {
    const std::uint64_t last_ns = Histogram::largest_in(bucket);
    BOOST_REQUIRE(last_ns >= first_ns);
    BOOST_REQUIRE(Histogram::bucket_of(first_ns) == bucket);
    BOOST_REQUIRE(Histogram::bucket_of(last_ns) == bucket);
    // Off by one eighth at most.
    BOOST_REQUIRE(last_ns - first_ns <= first_ns / 8);
    first_ns = last_ns + 1;
  }
  BOOST_TEST(Histogram::bucket_of(first_ns) == Histogram::bucket_count - 1);
  BOOST_TEST(Histogram::bucket_of(UINT64_MAX) == Histogram::bucket_count - 1);
}

BOOST_AUTO_TEST_CASE(quantiles_are_times_that_such_a_part_did_not_exceed) {
  Histogram histogram;
  BOOST_TEST(histogram.quantile_ns(0.5) == 0U);
  for (std::uint64_t i = 1; i <= 1000; ++i) histogram.add(i * 1000);
  BOOST_TEST(histogram.count() == 1000U);
  for (const double part : {0.001, 0.1, 0.5, 0.99, 1.0}) {
    const double exact_ns = part * 1'000'000;
    const auto told_ns = static_cast<double>(histogram.quantile_ns(part));
    BOOST_TEST(told_ns >= exact_ns);
    BOOST_TEST(told_ns <= exact_ns * 1.125 + 1);
  }
  BOOST_TEST(histogram.quantile_ns(-1) == histogram.quantile_ns(0));
  BOOST_TEST(histogram.quantile_ns(2) == histogram.quantile_ns(1));
}

BOOST_AUTO_TEST_SUITE_END()
