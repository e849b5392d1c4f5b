// SPDX-License-Identifier: MIT
#include "core/plain_speed.h"

#include <boost/test/unit_test.hpp>

#include <memory>

using kaio::PlainSpeed;

BOOST_AUTO_TEST_SUITE(plain_speed)

namespace {

constexpr std::int64_t quick_ns = PlainSpeed::quick_ns_max, slow_ns = PlainSpeed::slow_ns_min;

// How many quick ones it takes until the device counts as quick.
unsigned quick_ones_needed(PlainSpeed& speed) {
  unsigned count = 0;
  for (; !speed.is_quick(1, true) && count < 100'000; ++count) speed.took(1, true, quick_ns);
  return count;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_device_is_quick_when_it_was_so_often_enough) {
  PlainSpeed speed;
  BOOST_TEST(!speed.is_quick(1, true));
  BOOST_TEST(quick_ones_needed(speed) == PlainSpeed::quick_count_first);
  BOOST_TEST(!speed.is_quick(1, false));
  BOOST_TEST(!speed.is_quick(2, true));
}

BOOST_AUTO_TEST_CASE(one_slow_call_ends_it_and_more_quick_ones_are_needed_each_time) {
  PlainSpeed speed;
  unsigned before = quick_ones_needed(speed);
  for (int round = 0; round < 20; ++round) {
    speed.took(1, true, slow_ns);
    BOOST_TEST(!speed.is_quick(1, true));
    const unsigned needed = quick_ones_needed(speed);
    BOOST_TEST((needed == std::min(2 * before, PlainSpeed::quick_count_max)));
    before = needed;
  }
}

BOOST_AUTO_TEST_CASE(quick_ones_have_to_come_in_a_row) {
  PlainSpeed speed;
  for (unsigned i = 0; i < 10 * PlainSpeed::quick_count_first; ++i)
    speed.took(1, true, i % 2 == 0 ? quick_ns : quick_ns + 1);
  BOOST_TEST(!speed.is_quick(1, true));
}

BOOST_AUTO_TEST_CASE(a_device_beyond_the_places_is_never_quick) {
  PlainSpeed speed;
  for (int round = 0; round < 100; ++round)
    for (std::uint32_t device = 0; device < 1000; ++device) speed.took(device, true, quick_ns);
  BOOST_TEST(speed.is_quick(0, true));
  BOOST_TEST(!speed.is_quick(999, true));
}

BOOST_AUTO_TEST_SUITE_END()
