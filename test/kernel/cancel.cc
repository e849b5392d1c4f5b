// SPDX-License-Identifier: MIT
//
// io_cancel(): works for a poll only, and the event comes all the same.
#include "kernel_aio.h"
#include "fixtures.h"

#include <algorithm>
#include <cerrno>
#include <thread>
#include <unistd.h>

using namespace kernel_aio;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

struct Waiting {
  Context context{64};
  fixtures::FdPair pipe = support::make_pipe();
  iocb block = poll_block(pipe.first.get(), POLLIN);
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(cancel, Waiting)

BOOST_AUTO_TEST_CASE(cancelling_a_poll_says_EINPROGRESS_and_its_event_arrives) {
  BOOST_REQUIRE_EQUAL(context.submit(block), 1);
  BOOST_TEST(context.cancel(block) == -EINPROGRESS);
  BOOST_TEST(context.reap_one() == 0);
  BOOST_TEST(context.reap_one(10ms) == Context::nothing);
}

// A kernel worker writes the event, so that it may or may not be in the ring
// when io_cancel() returns: seen here both ways, and within 2 to 8 us.
BOOST_AUTO_TEST_CASE(the_event_of_a_cancelled_poll_arrives_soon) {
  int there_at_return_count = 0;
  auto longest = steady_clock::duration::zero();
  for (int turn = 0; turn < 50; ++turn) {
    BOOST_REQUIRE_EQUAL(context.submit(block), 1);
    const auto before = steady_clock::now();
    BOOST_REQUIRE_EQUAL(context.cancel(block), -EINPROGRESS);
    there_at_return_count += context.header().tail != context.header().head;
    BOOST_REQUIRE_EQUAL(context.reap_one(), 0);
    longest = std::max(longest, steady_clock::now() - before);
  }
  BOOST_TEST_MESSAGE(there_at_return_count
                     << " of 50 were in the ring when io_cancel returned, the "
                        "longest wait was "
                     << longest / 1us << " us");
  BOOST_TEST((longest < 2s));
}

BOOST_AUTO_TEST_CASE(the_eventfd_of_a_cancelled_poll_is_rung) {
  const fixtures::Fd doorbell = support::make_eventfd();
  iocb ringing = with_eventfd(block, doorbell.get());
  BOOST_REQUIRE_EQUAL(context.submit(ringing), 1);
  BOOST_TEST(context.cancel(ringing) == -EINPROGRESS);
  std::uint64_t count = 0;
  BOOST_TEST(::read(doorbell.get(), &count, sizeof count) == 8);
  BOOST_TEST(count == 1u);
}

BOOST_AUTO_TEST_CASE(cancelling_what_was_cancelled_done_or_never_submitted_is_EINVAL) {
  BOOST_TEST(context.cancel(block) == -EINVAL);
  BOOST_REQUIRE_EQUAL(context.submit(block), 1);
  BOOST_TEST(context.cancel(block) == -EINPROGRESS);
  BOOST_TEST(context.cancel(block) == -EINVAL);
  BOOST_TEST(context.reap_one() == 0);

  BOOST_REQUIRE_EQUAL(context.submit(block), 1);
  fixtures::append(pipe.second, "x");
  BOOST_TEST((context.reap_one() & POLLIN) != 0);
  BOOST_TEST(context.cancel(block) == -EINVAL);
}

// The kernel knows a request by the address of its iocb: two in flight with one
// address cannot be told apart, and an iocb that may be cancelled stays where
// it is until its event.
BOOST_AUTO_TEST_CASE(a_request_is_known_by_the_address_of_its_iocb) {
  BOOST_REQUIRE_EQUAL(context.submit(block), 1);
  iocb copy = block;
  BOOST_TEST(context.cancel(copy) == -EINVAL);
  BOOST_TEST(context.cancel(block) == -EINPROGRESS);
}

BOOST_AUTO_TEST_CASE(only_the_named_one_of_several_polls_is_cancelled) {
  iocb other = block;
  BOOST_REQUIRE_EQUAL(context.submit(block), 1);
  BOOST_REQUIRE_EQUAL(context.submit(other), 1);
  BOOST_TEST(context.cancel(block) == -EINPROGRESS);
  io_event event;
  BOOST_REQUIRE_EQUAL(context.get_events(1, 1, 5s, &event), 1);
  BOOST_TEST(event.obj == reinterpret_cast<std::uint64_t>(&block));
  BOOST_TEST(context.reap_one(10ms) == Context::nothing);
  fixtures::append(pipe.second, "x");
  BOOST_TEST((context.reap_one() & POLLIN) != 0);
}

BOOST_AUTO_TEST_CASE(disk_io_cannot_be_cancelled_and_comes_to_its_end, *support::with_direct_io()) {
  constexpr std::size_t size_bytes = 1 << 20;
  const fixtures::Fd file = fixtures::make_file(size_bytes, O_DIRECT);
  const fixtures::AlignedBuffer buffer{size_bytes};
  iocb read = read_block(file.get(), buffer.data(), size_bytes);
  BOOST_REQUIRE_EQUAL(context.submit(read), 1);
  BOOST_TEST(context.cancel(read) == -EINVAL);
  BOOST_TEST(context.reap_one() == size_bytes);
}

BOOST_AUTO_TEST_SUITE_END()
