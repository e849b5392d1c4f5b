// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE kaio units : system calls and sleeping
#include <boost/test/unit_test.hpp>

#include "sys/spin_budget.h"

namespace kaio::test {
BOOST_AUTO_TEST_SUITE(spin_budget)

namespace {

using sys::SpinBudget;

constexpr std::int64_t long_look_ns = SpinBudget::look_max_ns;

// Waits so often, each look taking so long. Returns how many looks there were.
int wait_repeatedly(SpinBudget& budget, int wait_count, std::int64_t look_ns, bool came) {
  int look_count = 0;
  for (int wait = 0; wait < wait_count; ++wait) {
    if (!budget.allows_look()) continue;
    ++look_count;
    budget.looked(look_ns, came);
  }
  return look_count;
}

BOOST_AUTO_TEST_CASE(looks_that_save_more_than_they_cost_go_on) {
  SpinBudget budget;
  wait_repeatedly(budget, 1000, 3'000, true);
  BOOST_TEST(wait_repeatedly(budget, 1000, 3'000, true) == 1000);
}

BOOST_AUTO_TEST_CASE(looks_that_find_nothing_cost_little) {
  SpinBudget budget;
  constexpr int wait_count = 100'000;
  const int look_count = wait_repeatedly(budget, wait_count, long_look_ns, false);
  BOOST_TEST(look_count > 0);
  BOOST_TEST(look_count * long_look_ns < wait_count * 50);  // ns for each sleep
}

BOOST_AUTO_TEST_CASE(looks_that_find_it_late_cost_little) {
  SpinBudget budget;
  constexpr int wait_count = 100'000;
  const int look_count = wait_repeatedly(budget, wait_count, 18'000, true);
  BOOST_TEST(look_count * 10'000 < wait_count * 50);
}

BOOST_AUTO_TEST_CASE(what_did_not_pay_for_long_is_tried_again) {
  SpinBudget budget;
  wait_repeatedly(budget, 100'000, long_look_ns, false);
  wait_repeatedly(budget, 5'000, 3'000, true);
  BOOST_TEST(wait_repeatedly(budget, 1000, 3'000, true) == 1000);
  // And as readily as at first, if it stops to pay for a moment.
  wait_repeatedly(budget, 20, long_look_ns, false);
  BOOST_TEST(wait_repeatedly(budget, 1000, 3'000, true) > 500);
}

// A device that is kept busy answers sooner: one look does not tell.
BOOST_AUTO_TEST_CASE(a_trial_is_of_several_looks) {
  SpinBudget budget;
  while (!budget.allows_look()) {
  }
  budget.looked(15'000, true);
  BOOST_TEST(budget.allows_look());
  budget.looked(15'000, true);
  BOOST_TEST(wait_repeatedly(budget, 1000, 4'000, true) == 1000);
}

BOOST_AUTO_TEST_CASE(some_that_find_nothing_do_not_end_what_pays) {
  SpinBudget budget;
  wait_repeatedly(budget, 1000, 3'000, true);
  for (int round = 0; round < 100; ++round) {
    BOOST_TEST(wait_repeatedly(budget, 1, long_look_ns, false) == 1);
    BOOST_TEST(wait_repeatedly(budget, 9, 3'000, true) == 9);
  }
}

// Its thread had no processor meanwhile: that does not count for ever.
BOOST_AUTO_TEST_CASE(one_that_took_a_second_is_soon_forgotten) {
  SpinBudget budget;
  while (!budget.allows_look()) {
  }
  budget.looked(1'000'000'000, false);
  BOOST_TEST(wait_repeatedly(budget, 500, 3'000, true) > 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace kaio::test
