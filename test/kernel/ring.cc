// SPDX-License-Identifier: MIT
//
// The completion ring as user space sees it: what the ring reader, and moving
// `head` ourselves, rest on.
#include "kernel_aio.h"
#include "fixtures.h"

#include <atomic>
#include <thread>

using namespace kernel_aio;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(ring)

namespace {

// A request that completes inside io_submit, with `size_bytes` as its result.
iocb instant(const fixtures::Fd& zero, char* buffer, std::size_t size_bytes) {
  return with_flags(read_block(zero.get(), buffer, size_bytes), rwf_nowait);
}

struct Ring {
  fixtures::Fd zero = fixtures::open_path("/dev/zero", O_RDONLY);
  char buffer[64] = {};
  Context context;

  void complete(std::size_t size_bytes) {
    iocb block = instant(zero, buffer, size_bytes);
    BOOST_REQUIRE_EQUAL(context.submit(block), 1);
  }
  std::uint32_t head() { return std::atomic_ref{context.header().head}.load(); }
  std::uint32_t tail() { return std::atomic_ref{context.header().tail}.load(); }
  void move_head(std::uint32_t to) { std::atomic_ref{context.header().head}.store(to); }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(header_has_the_magic_and_the_layout_that_we_know, Ring) {
  const RingHeader& header = context.header();
  BOOST_TEST(header.magic == ring_magic);
  BOOST_TEST(header.compat_features == 1u);
  BOOST_TEST(header.incompat_features == 0u);
  BOOST_TEST(header.header_bytes == sizeof(RingHeader));
  BOOST_TEST(header.slot_count > 8u);
  BOOST_TEST(header.head == 0u);
  BOOST_TEST(header.tail == 0u);
}

BOOST_FIXTURE_TEST_CASE(event_of_a_synchronous_completion_is_there_when_submit_returns, Ring) {
  iocb block = instant(zero, buffer, 7);
  block.aio_data = 4711;
  BOOST_REQUIRE_EQUAL(context.submit(block), 1);
  BOOST_TEST(tail() == 1u);
  BOOST_TEST(context.ring_events()[0].res == 7);
  BOOST_TEST(context.ring_events()[0].data == 4711u);
  BOOST_TEST(context.ring_events()[0].obj == reinterpret_cast<std::uint64_t>(&block));
}

BOOST_FIXTURE_TEST_CASE(getevents_gives_only_what_lies_behind_the_head_that_we_moved, Ring) {
  for (std::size_t size = 1; size <= 3; ++size) complete(size);
  move_head(1);
  io_event events[8];
  BOOST_TEST(context.get_events(1, 8, 1s, events) == 2);
  BOOST_TEST(events[0].res == 2);
  BOOST_TEST(events[1].res == 3);
  BOOST_TEST(head() == 3u);
}

BOOST_FIXTURE_TEST_CASE(getevents_finds_nothing_once_we_moved_head_to_tail, Ring) {
  complete(1);
  move_head(tail());
  io_event event;
  const auto before = std::chrono::steady_clock::now();
  BOOST_TEST(context.get_events(1, 1, 30ms, &event) == 0);
  BOOST_TEST((std::chrono::steady_clock::now() - before >= 30ms));
}

// Why the reap lock covers the sleeper's system call as well: whoever takes
// the event from under a sleeper leaves it asleep.
BOOST_FIXTURE_TEST_CASE(sleeper_misses_an_event_that_was_taken_by_moving_head, Ring) {
  std::atomic<int> sleeper_got{-1};
  std::atomic<bool> about_to_sleep{false};
  std::thread sleeper{[&] {
    io_event event;
    about_to_sleep = true;
    sleeper_got = context.get_events(1, 1, 300ms, &event);
  }};
  while (!about_to_sleep) std::this_thread::yield();
  std::this_thread::sleep_for(50ms);
  // Event and theft as close together as we can; the sleeper may still win.
  iocb block = instant(zero, buffer, 1);
  const int submitted = context.submit(block);
  move_head(1);
  sleeper.join();
  BOOST_TEST(submitted == 1);
  BOOST_TEST((sleeper_got == 0 || sleeper_got == 1));
  BOOST_TEST(head() == 1u);
  BOOST_TEST_MESSAGE("the sleeper got " << sleeper_got);
}

BOOST_FIXTURE_TEST_CASE(head_and_tail_wrap_at_the_slot_count, Ring) {
  const std::uint32_t slots = context.header().slot_count;
  for (std::uint32_t turn = 0; turn < 2 * slots + 3; ++turn) {
    const std::uint32_t place = head();
    BOOST_REQUIRE(place == turn % slots);
    complete(turn % 60 + 1);
    BOOST_REQUIRE(tail() == (turn + 1) % slots);
    BOOST_REQUIRE(context.ring_events()[place].res == turn % 60 + 1);
    move_head((place + 1) % slots);
  }
}

BOOST_FIXTURE_TEST_CASE(one_submit_of_many_leaves_all_events_in_order, Ring) {
  std::vector<iocb> blocks;
  for (std::size_t size = 1; size <= 20; ++size) blocks.push_back(instant(zero, buffer, size));
  std::vector<iocb*> pointers;
  for (iocb& block : blocks) pointers.push_back(&block);
  BOOST_TEST(context.submit(pointers) == 20);
  BOOST_REQUIRE(tail() == 20u);
  for (int place = 0; place < 20; ++place)
    BOOST_TEST(context.ring_events()[place].res == place + 1);
}

BOOST_AUTO_TEST_SUITE_END()
