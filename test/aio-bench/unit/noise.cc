// SPDX-License-Identifier: MIT
// The rule by which aio-bench compare tells a change from noise.
#include "compare/noise.h"

#include "base/random.h"

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <vector>

using aio_bench::Difference;
using aio_bench::difference_of;
using aio_bench::mann_whitney_p;
using Values = std::vector<double>;

BOOST_AUTO_TEST_SUITE(noise)

// Of all orders of 3 + 3, 5 + 5, 4 + 6: 20, 252, 210. One is the most extreme each way.
BOOST_AUTO_TEST_CASE(p_is_exact) {
  BOOST_TEST(mann_whitney_p(3, 3, 0) == 2.0 / 20, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(mann_whitney_p(3, 3, 9) == 2.0 / 20, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(mann_whitney_p(5, 5, 0) == 2.0 / 252, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(mann_whitney_p(4, 6, 24) == 2.0 / 210, boost::test_tools::tolerance(1e-12));
  // U <= 2 of 5 + 5: orders with 0, 1 and 2 pairs are 1 + 1 + 2.
  BOOST_TEST(mann_whitney_p(5, 5, 2) == 8.0 / 252, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(mann_whitney_p(5, 5, 12.5) == 1.0);
}

BOOST_AUTO_TEST_CASE(five_repeats_apart_differ) {
  BOOST_TEST((difference_of(Values{1, 2, 3, 4, 5}, Values{6, 7, 8, 9, 10}) == Difference::real));
  BOOST_TEST((difference_of(Values{1, 2, 3, 4, 6}, Values{5, 7, 8, 9, 10}) == Difference::none));
}

BOOST_AUTO_TEST_CASE(of_many_repeats_a_few_may_be_mixed) {
  Values low, high;
  for (int i = 0; i < 12; ++i) low.push_back(i), high.push_back(i + 8);
  BOOST_TEST((difference_of(low, high) == Difference::real));
}

BOOST_AUTO_TEST_CASE(three_repeats_have_to_be_far_apart) {
  BOOST_TEST((difference_of(Values{1, 2, 3}, Values{4, 5, 6}) == Difference::none));
  BOOST_TEST((difference_of(Values{1, 2, 3}, Values{5, 6, 7}) == Difference::real));
  BOOST_TEST((difference_of(Values{5, 6, 7}, Values{1, 2, 3}) == Difference::real));
}

BOOST_AUTO_TEST_CASE(fewer_are_not_judged) {
  BOOST_TEST((difference_of(Values{1, 2}, Values{100, 101, 102}) == Difference::unknown));
  BOOST_TEST((difference_of(Values{}, Values{1, 2, 3}) == Difference::unknown));
}

BOOST_AUTO_TEST_CASE(equal_values_do_not_differ) {
  BOOST_TEST((difference_of(Values(5, 7.0), Values(5, 7.0)) == Difference::none));
  BOOST_TEST((difference_of(Values(3, 7.0), Values(3, 7.0)) == Difference::none));
}

// What is said of the rule: it calls fewer than one in a hundred pairs of equal
// distributions different, or a little more where three repeats have no tails.
BOOST_AUTO_TEST_CASE(false_alarms_are_as_rare_as_is_said) {
  aio_bench::Random random(1);
  const auto normal = [&random] {
    const double one = (static_cast<double>(random.below(1 << 30)) + 1) / (1 << 30);
    const double other = static_cast<double>(random.below(1 << 30)) / (1 << 30);
    return std::sqrt(-2 * std::log(one)) * std::cos(6.283185307179586 * other);
  };
  for (const std::size_t repeats : {3U, 4U, 5U, 8U}) {
    int alarms = 0;
    constexpr int trials = 20'000;
    for (int trial = 0; trial < trials; ++trial) {
      Values one, other;
      for (std::size_t i = 0; i < repeats; ++i) one.push_back(normal()), other.push_back(normal());
      alarms += difference_of(one, other) == Difference::real ? 1 : 0;
    }
    BOOST_TEST_INFO("repeats: " << repeats);
    BOOST_TEST(alarms <= trials / 100);
  }
}

// A comparison of all engines at a few depths has dozens of figures, and its exit code is
// that of any of them.
BOOST_AUTO_TEST_CASE(so_are_those_of_a_comparison_of_many_figures) {
  aio_bench::Random random(2);
  const auto normal = [&random] {
    const double one = (static_cast<double>(random.below(1 << 30)) + 1) / (1 << 30);
    const double other = static_cast<double>(random.below(1 << 30)) / (1 << 30);
    return std::sqrt(-2 * std::log(one)) * std::cos(6.283185307179586 * other);
  };
  constexpr std::size_t figure_count = 48;
  for (const std::size_t repeats : {3U, 4U, 5U, 8U}) {
    int alarms = 0;
    constexpr int trials = 500;
    for (int trial = 0; trial < trials; ++trial) {
      bool is_alarm = false;
      for (std::size_t figure = 0; figure < figure_count; ++figure) {
        Values one, other;
        for (std::size_t i = 0; i < repeats; ++i)
          one.push_back(normal()), other.push_back(normal());
        is_alarm |= difference_of(one, other, figure_count) == Difference::real;
      }
      alarms += is_alarm ? 1 : 0;
    }
    BOOST_TEST_INFO("repeats: " << repeats);
    BOOST_TEST(alarms <= trials * 3 / 100);
  }
}

BOOST_AUTO_TEST_CASE(of_many_figures_a_clear_change_is_still_seen) {
  BOOST_TEST((difference_of(Values{100, 101, 102}, Values{90, 91, 89}, 48) == Difference::real));
  BOOST_TEST(
      (difference_of(Values{1, 2, 3, 4, 5}, Values{6, 7, 8, 9, 10}, 48) == Difference::none));
  Values low, high;
  for (int i = 0; i < 8; ++i) low.push_back(i), high.push_back(i + 8);
  BOOST_TEST((difference_of(low, high, 48) == Difference::real));
}

BOOST_AUTO_TEST_SUITE_END()
