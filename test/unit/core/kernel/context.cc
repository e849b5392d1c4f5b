// SPDX-License-Identifier: MIT
#include "core/kernel/context.h"
#include "support/deadline.h"
#include "unit/core/kernel/fake_kernel.h"

#include <boost/test/unit_test.hpp>

#include <vector>

using kaio::Context;
using kaio::KernelOptions;
using kaio::Statistics;

BOOST_AUTO_TEST_SUITE(contexts)

namespace {

std::vector<unsigned> asked;
unsigned granted_at_most = 0;
unit::FakeKernel* kernel_of_setup = nullptr;

int grudging_setup(unsigned event_count, io_context_t* context) {
  asked.push_back(event_count);
  if (event_count > granted_at_most) return -EAGAIN;
  *context = kernel_of_setup->context();
  return 0;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_smaller_context_is_taken_when_a_large_one_is_refused) {
  unit::FakeKernel kernel;
  kernel_of_setup = &kernel;
  kernel.calls()->io_setup = grudging_setup;
  asked.clear();
  granted_at_most = 100;
  const KernelOptions options{.queue_depth = 1024};
  Statistics statistics;
  Context context(options, statistics);
  BOOST_TEST(!context.ready());
  BOOST_TEST(context.available());
  BOOST_TEST(context.ready());
  BOOST_TEST((asked == std::vector<unsigned>{1024, 512, 256, 128, 64}));
}

BOOST_AUTO_TEST_CASE(a_context_that_is_refused_is_not_asked_for_again_at_once) {
  unit::FakeKernel kernel;
  kernel_of_setup = &kernel;
  kernel.calls()->io_setup = grudging_setup;
  asked.clear();
  granted_at_most = 0;
  const KernelOptions options{.queue_depth = 64};
  Statistics statistics;
  Context context(options, statistics);
  BOOST_TEST(!context.available());
  const std::size_t first_time = asked.size();
  BOOST_TEST(!context.available());
  BOOST_TEST(asked.size() == first_time);
}

// As when fs.aio-max-nr was used up, and others have given back what they had.
BOOST_AUTO_TEST_CASE(a_context_that_was_refused_for_want_of_room_is_had_a_moment_later) {
  unit::FakeKernel kernel;
  kernel_of_setup = &kernel;
  kernel.calls()->io_setup = grudging_setup;
  granted_at_most = 0;
  const KernelOptions options{.queue_depth = 64};
  Statistics statistics;
  Context context(options, statistics);
  BOOST_TEST(!context.available());
  granted_at_most = 64;
  BOOST_TEST(support::eventually([&] { return context.available(); }));
}

BOOST_AUTO_TEST_CASE(a_context_that_a_filter_refuses_is_never_asked_for_again) {
  unit::FakeKernel kernel;
  static int calls = 0;
  calls = 0;
  kernel.calls()->io_setup = [](unsigned, io_context_t*) {
    ++calls;
    return -EPERM;
  };
  const KernelOptions options{.queue_depth = 16};
  Statistics statistics;
  Context context(options, statistics);
  BOOST_TEST(!context.available());
  const int calls_before = calls;
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  BOOST_TEST(!context.available());
  BOOST_TEST(calls == calls_before);
}

BOOST_AUTO_TEST_CASE(the_smallest_depth_an_option_allows_works) {
  unit::FakeKernel kernel;
  kernel_of_setup = &kernel;
  kernel.calls()->io_setup = grudging_setup;
  granted_at_most = 1;
  const KernelOptions options{.queue_depth = 1};
  Statistics statistics;
  Context context(options, statistics);
  BOOST_TEST(context.available());
}

BOOST_AUTO_TEST_CASE(switched_off_it_is_absent) {
  const KernelOptions options{.enabled = false};
  Statistics statistics;
  Context context(options, statistics);
  BOOST_TEST(!context.available());
}

BOOST_AUTO_TEST_CASE(no_more_places_are_given_than_the_ring_has) {
  unit::FakeKernel kernel;
  const KernelOptions options;
  Statistics statistics;
  Context context(options, statistics);
  BOOST_REQUIRE(context.available());
  BOOST_TEST(context.capacity() == unit::FakeKernel::slot_count - 1);
  for (std::uint32_t i = 0; i < context.capacity(); ++i) BOOST_TEST(context.reserve());
  BOOST_TEST(!context.reserve());
  BOOST_TEST(context.in_flight() == context.capacity());
  context.unreserve();
  BOOST_TEST(context.reserve());
  BOOST_TEST(!context.reserve());
  context.release(2);
  BOOST_TEST(context.in_flight() == context.capacity() - 2);
  BOOST_TEST(context.reserve());
  BOOST_TEST(context.reserve());
  BOOST_TEST(!context.reserve());
}

BOOST_AUTO_TEST_SUITE_END()
