// SPDX-License-Identifier: MIT
#include "stats/summary.h"

#include <boost/test/unit_test.hpp>

using aio_bench::summarize;
using aio_bench::Summary;

BOOST_AUTO_TEST_SUITE(statistics)

BOOST_AUTO_TEST_CASE(the_median_is_the_middle_of_the_sorted_values) {
  BOOST_TEST(summarize({3, 1, 2}).median == 2);
  BOOST_TEST(summarize({4, 1, 3, 2}).median == 2.5);
  BOOST_TEST(summarize({7}).median == 7);
}

BOOST_AUTO_TEST_CASE(the_spread_is_half_the_range_relative_to_the_median) {
  const Summary summary = summarize({90, 100, 120});
  BOOST_TEST(summary.least == 90);
  BOOST_TEST(summary.greatest == 120);
  BOOST_TEST(summary.spread() == 0.15);
  BOOST_TEST(summarize({5, 5, 5}).spread() == 0);
}

BOOST_AUTO_TEST_CASE(nothing_has_no_spread) {
  BOOST_TEST(summarize({}).median == 0);
  BOOST_TEST(summarize({}).spread() == 0);
  BOOST_TEST(summarize({0, 0}).spread() == 0);
}

BOOST_AUTO_TEST_CASE(ranges_that_touch_overlap) {
  const Summary low = summarize({1, 2, 3});
  BOOST_TEST(low.overlaps(summarize({3, 4, 5})));
  BOOST_TEST(low.overlaps(summarize({0, 1.5, 9})));
  BOOST_TEST(summarize({0, 1.5, 9}).overlaps(low));
  BOOST_TEST(!low.overlaps(summarize({3.5, 4, 5})));
  BOOST_TEST(!summarize({3.5, 4, 5}).overlaps(low));
}

BOOST_AUTO_TEST_SUITE_END()
