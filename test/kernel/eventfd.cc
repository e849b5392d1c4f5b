// SPDX-License-Identifier: MIT
//
// IOCB_FLAG_RESFD: the doorbells of the reaper and of the callback threads.
#include "kernel_aio.h"
#include "fixtures.h"

#include <cstdint>
#include <thread>
#include <unistd.h>

using namespace kernel_aio;
using namespace std::chrono_literals;

namespace {

struct Doorbell {
  Context context;
  fixtures::Fd bell = support::make_eventfd();
  fixtures::Fd zero = fixtures::open_path("/dev/zero", O_RDONLY);
  char buffer[64] = {};

  iocb instant_ringing() {
    return with_eventfd(with_flags(read_block(zero.get(), buffer, 1), rwf_nowait), bell.get());
  }
  // Waits until it rang; what it counted.
  std::uint64_t count() {
    std::uint64_t value = 0;
    BOOST_REQUIRE_EQUAL(::read(bell.get(), &value, sizeof value), 8);
    return value;
  }
  bool is_silent() {
    pollfd look{bell.get(), POLLIN, 0};
    return ::poll(&look, 1, 10) == 0;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(eventfd_bell, Doorbell)

BOOST_AUTO_TEST_CASE(a_synchronous_completion_rings_once_before_submit_returns) {
  iocb block = instant_ringing();
  BOOST_REQUIRE_EQUAL(context.submit(block), 1);
  BOOST_TEST(!is_silent());
  BOOST_TEST(count() == 1u);
}

BOOST_AUTO_TEST_CASE(every_completion_of_a_batch_is_counted) {
  std::vector<iocb> blocks(5, instant_ringing());
  std::vector<iocb*> pointers;
  for (iocb& block : blocks) pointers.push_back(&block);
  BOOST_REQUIRE_EQUAL(context.submit(pointers), 5);
  BOOST_TEST(count() == 5u);
}

BOOST_AUTO_TEST_CASE(a_refusal_by_NOWAIT_rings_and_one_by_submit_does_not) {
  const fixtures::Fd silent = support::make_eventfd();
  iocb empty =
      with_eventfd(with_flags(read_block(silent.get(), buffer, 8), rwf_nowait), bell.get());
  BOOST_REQUIRE_EQUAL(context.submit(empty), 1);
  BOOST_TEST(count() == 1u);
  iocb bad = with_eventfd(read_block(-1, buffer, 1), bell.get());
  BOOST_TEST(context.submit(bad) < 0);
  BOOST_TEST(is_silent());
}

BOOST_AUTO_TEST_CASE(a_completion_without_the_flag_is_silent) {
  iocb block = with_flags(read_block(zero.get(), buffer, 1), rwf_nowait);
  BOOST_REQUIRE_EQUAL(context.submit(block), 1);
  BOOST_TEST(is_silent());
}

// Trust the ring and not the count: by the time that one ring is heard, more
// events may be there, and events may have been taken whose rings come later.
BOOST_AUTO_TEST_CASE(who_hears_it_finds_the_event_in_the_ring) {
  const fixtures::FdPair pipe = support::make_pipe();
  iocb block = with_eventfd(poll_block(pipe.first.get(), POLLIN), bell.get());
  for (int turn = 0; turn < 200; ++turn) {
    BOOST_REQUIRE_EQUAL(context.submit(block), 1);
    std::thread writer{[&] { fixtures::append(pipe.second, "x"); }};
    const std::uint64_t rings = count();
    const std::int64_t readiness = context.reap_one(0ms);
    writer.join();
    BOOST_REQUIRE_EQUAL(rings, 1u);
    BOOST_REQUIRE((readiness & POLLIN) != 0 && readiness != Context::nothing);
    BOOST_REQUIRE_EQUAL(::read(pipe.first.get(), buffer, 1), 1);
  }
}

BOOST_AUTO_TEST_CASE(closing_it_after_submit_does_no_harm) {
  const fixtures::FdPair pipe = support::make_pipe();
  iocb block = with_eventfd(poll_block(pipe.first.get(), POLLIN), bell.get());
  BOOST_REQUIRE_EQUAL(context.submit(block), 1);
  bell.close();
  fixtures::append(pipe.second, "x");
  BOOST_TEST((context.reap_one() & POLLIN) != 0);
}

BOOST_AUTO_TEST_SUITE_END()
