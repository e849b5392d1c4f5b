// SPDX-License-Identifier: MIT
#include "core/kernel/ring.h"
#include "unit/core/kernel/fake_kernel.h"

#include <boost/test/unit_test.hpp>

using unit::FakeKernel;

BOOST_AUTO_TEST_SUITE(ring)

namespace {

void* number(std::uintptr_t value) { return reinterpret_cast<void*>(value); }

}  // namespace

BOOST_AUTO_TEST_CASE(a_ring_of_an_unknown_layout_is_not_used) {
  FakeKernel kernel(false);
  BOOST_TEST(!kaio::Ring(kernel.context()).usable());
  BOOST_TEST(!kaio::Ring().usable());
}

BOOST_AUTO_TEST_CASE(a_ring_with_incompatible_features_is_not_used) {
  FakeKernel kernel;
  reinterpret_cast<std::uint32_t*>(kernel.context())[6] = 1;
  BOOST_TEST(!kaio::Ring(kernel.context()).usable());
}

BOOST_AUTO_TEST_CASE(an_empty_ring_gives_nothing) {
  FakeKernel kernel;
  kaio::Ring ring(kernel.context());
  io_event event;
  BOOST_TEST(ring.usable());
  BOOST_TEST(ring.slot_count() == FakeKernel::slot_count);
  BOOST_TEST(ring.empty());
  BOOST_TEST(!ring.take(event));
}

BOOST_AUTO_TEST_CASE(events_come_out_in_order_wherever_the_ring_starts) {
  for (std::uint32_t start = 0; start < FakeKernel::slot_count; ++start) {
    FakeKernel kernel;
    kernel.set_places(start, start);
    kaio::Ring ring(kernel.context());
    const std::uintptr_t full = FakeKernel::slot_count - 1;
    for (std::uintptr_t i = 1; i <= full; ++i) kernel.add(number(i), -static_cast<long>(i));
    BOOST_TEST(!ring.empty());
    bool in_order = true;
    io_event event;
    for (std::uintptr_t i = 1; i <= full; ++i)
      in_order = in_order && ring.take(event) && event.data == number(i) &&
                 static_cast<long>(event.res) == -static_cast<long>(i);
    BOOST_TEST(in_order);
    BOOST_TEST(!ring.take(event));
    BOOST_TEST(kernel.head_place() == (start + full) % FakeKernel::slot_count);
  }
}

BOOST_AUTO_TEST_CASE(the_size_covers_header_and_events) {
  FakeKernel kernel;
  kaio::Ring ring(kernel.context());
  BOOST_TEST(ring.size_bytes() == 32 + FakeKernel::slot_count * sizeof(io_event));
  BOOST_TEST(ring.address() == kernel.context());
}

BOOST_AUTO_TEST_SUITE_END()
