// SPDX-License-Identifier: MIT
// From one backend to the next: what a transfer tries first, and what follows from each answer.
#include "scripted_owner.h"
#include "support/channel.h"
#include "support/seed.h"

#include <boost/test/unit_test.hpp>

#include <array>
#include <fcntl.h>
#include <poll.h>
#include <random>
#include <sys/mman.h>
#include <unistd.h>

using kaio::Attempt;
using kaio::By;
using kaio::Opcode;
using kaio::Route;
using kaio::Started;
using kaio::Transfer;
using kaio::TransferState;

BOOST_AUTO_TEST_SUITE(carrier)

namespace {

constexpr std::size_t size_bytes = 8192;

struct Bench : unit::ScriptedCarrier {
  explicit Bench(Route given_route = Route::automatic) : ScriptedCarrier(given_route) {
    transfer.operation = kaio::IoOperation{
        .buffer = buffer.data(), .size = size_bytes, .fd = -1, .opcode = Opcode::read};
    transfer.state = TransferState::starting;
  }
  void use(int fd) {
    transfer.operation.fd = fd;
    owner.facts = kaio::read_traits(fd);
  }
  Started start(By by = By::submitter) { return carrier.start(transfer, by); }
  // The ring, or the poll in it, has this answer.
  Started answer(std::int32_t value, By by = By::later) {
    BOOST_REQUIRE(!owner.in_ring.empty() || !owner.polled.empty());
    owner.in_ring.clear();
    owner.polled.clear();
    transfer.move_to(TransferState::starting);
    return carrier.process_result(transfer, value, false, by);
  }
  // io_submit itself refuses what was started.
  Started refuse(int error_number) {
    BOOST_REQUIRE(!owner.in_ring.empty());
    owner.in_ring.clear();
    transfer.state = TransferState::starting;
    return carrier.process_result(transfer, -error_number, true, By::submitter);
  }
  bool is_in_ring(Attempt attempt) const {
    return !owner.in_ring.empty() && transfer.attempt == attempt;
  }
  bool is_with_threads(Attempt attempt) const {
    return !threads.empty() && transfer.attempt == attempt;
  }
  bool has_ended(int error_number, std::int64_t done_bytes) const {
    return owner.ended.size() == 1 && !owner.ended.front().was_abandoned &&
           owner.ended.front().error_number == error_number && transfer.done_bytes == done_bytes;
  }

  std::array<char, size_bytes> buffer{};
  Transfer transfer;
  support::FdPair pipe = support::make_pipe();
};

support::Fd file_of(std::size_t length_bytes) {
  support::Fd file(::memfd_create("kaio-test", MFD_CLOEXEC));
  BOOST_REQUIRE(::ftruncate(file.get(), static_cast<off_t>(length_bytes)) == 0);
  return file;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_whole_answer_ends_it) {
  Bench bench;
  const support::Fd file = file_of(1 << 20);
  bench.use(file.get());
  BOOST_TEST(int(bench.start()) == int(Started::yes));
  BOOST_REQUIRE(bench.is_in_ring(Attempt::nowait));
  bench.answer(size_bytes);
  BOOST_TEST(bench.has_ended(0, size_bytes));
}

BOOST_AUTO_TEST_CASE(a_short_read_goes_on_where_it_ended_unless_the_file_does) {
  Bench bench;
  const support::Fd file = file_of(size_bytes);
  bench.use(file.get());
  bench.start();
  bench.answer(5000);
  BOOST_REQUIRE(bench.is_in_ring(Attempt::nowait));
  BOOST_TEST(bench.transfer.operation.offset_bytes == 5000);
  BOOST_TEST(bench.transfer.operation.remaining_bytes() == size_bytes - 5000);
  BOOST_REQUIRE(::ftruncate(file.get(), 6000) == 0);
  bench.answer(1000);
  BOOST_TEST(bench.has_ended(0, 6000));
}

BOOST_AUTO_TEST_CASE(a_short_direct_transfer_goes_on_at_a_block) {
  for (const std::uint32_t block_bytes : {512u, 1024u, 4096u}) {
    Bench bench;
    const support::Fd file = file_of(1 << 20);
    bench.use(file.get());
    bench.owner.facts.traits.direct = true;
    bench.owner.facts.direct_bytes = block_bytes;
    bench.start();
    bench.answer(static_cast<std::int32_t>(block_bytes + 300));
    BOOST_REQUIRE(bench.is_in_ring(Attempt::nowait));
    BOOST_TEST(bench.transfer.operation.offset_bytes == block_bytes);
    // Less than a block: once more from the same place, and no third time.
    bench.answer(300);
    BOOST_REQUIRE(bench.is_in_ring(Attempt::nowait));
    BOOST_TEST(bench.transfer.operation.offset_bytes == block_bytes);
    bench.answer(300);
    BOOST_TEST(bench.has_ended(EIO, block_bytes));
  }
}

BOOST_AUTO_TEST_CASE(what_would_block_goes_to_a_thread) {
  Bench bench;
  const support::Fd file = file_of(1 << 20);
  bench.use(file.get());
  bench.start();
  bench.answer(-EAGAIN);
  BOOST_TEST(bench.is_with_threads(Attempt::pool_io));
  BOOST_TEST(bench.owner.expected_to_block.value_or(false));
  BOOST_TEST(bench.owner.left_ring_count != 0);
}

BOOST_AUTO_TEST_CASE(a_full_device_holds_it_while_there_are_others_and_else_a_thread_submits_it) {
  for (const bool others : {false, true}) {
    Bench bench;
    const support::Fd file = file_of(1 << 20);
    bench.use(file.get());
    bench.owner.facts.traits.direct = true;
    bench.owner.has_others = others;
    bench.start();
    bench.answer(-EAGAIN);
    BOOST_TEST(bench.owner.held.size() == (others ? 1 : 0));
    BOOST_TEST(bench.is_with_threads(Attempt::pool_submit) == !others);
  }
}

BOOST_AUTO_TEST_CASE(what_refuses_nowait_is_remembered) {
  Bench bench;
  const support::Fd file = file_of(1 << 20);
  bench.use(file.get());
  bench.start();
  bench.refuse(EOPNOTSUPP);
  BOOST_TEST(bench.is_with_threads(Attempt::pool_io));
  BOOST_TEST(bench.owner.facts.traits.refuses_nowait(true));
  BOOST_TEST(!bench.owner.facts.traits.refuses_nowait(false));
}

BOOST_AUTO_TEST_CASE(an_empty_stream_waits_in_the_ring_or_where_that_has_no_room_by_epoll) {
  for (const bool room : {true, false}) {
    Bench bench;
    bench.use(bench.pipe.first.get());
    bench.owner.has_room_for_polls = room;
    bench.start();
    bench.answer(-EAGAIN);
    BOOST_TEST(bench.owner.polled.size() == (room ? 1 : 0));
    BOOST_TEST(bench.readiness.empty() == room);
    BOOST_TEST(bench.owner.wait_count == 1);
    if (!room) {
      BOOST_REQUIRE(bench.readiness.take() == &bench.transfer);
      bench.carrier.process_result(bench.transfer, POLLIN, false, By::later);
    } else {
      bench.answer(POLLIN);
    }
    BOOST_TEST(bench.is_in_ring(Attempt::nowait));
  }
}

BOOST_AUTO_TEST_CASE(a_stream_that_was_ready_for_nothing_waits_by_epoll) {
  Bench bench;
  bench.use(bench.pipe.first.get());
  bench.start();
  bench.answer(-EAGAIN);
  bench.answer(POLLIN);
  bench.answer(-EAGAIN);
  BOOST_TEST(!bench.readiness.empty());
  BOOST_TEST(bench.owner.polled.empty());
}

BOOST_AUTO_TEST_CASE(a_wait_ends_with_what_it_was_answered) {
  Bench bench;
  bench.use(bench.pipe.first.get());
  bench.start();
  bench.answer(-EAGAIN);
  bench.answer(-EBADF);
  BOOST_REQUIRE(bench.owner.ended.size() == 1);
  BOOST_TEST(bench.owner.ended.front().was_abandoned);

  Bench in_time;
  in_time.use(in_time.pipe.first.get());
  in_time.owner.has_room_for_polls = false;
  in_time.start();
  in_time.answer(-EAGAIN);
  BOOST_REQUIRE(in_time.readiness.take() == &in_time.transfer);
  in_time.transfer.set_deadline(1, -EAGAIN);
  in_time.carrier.process_result(in_time.transfer, Transfer::time_is_up, false, By::later);
  BOOST_TEST(in_time.has_ended(EAGAIN, 0));
}

BOOST_AUTO_TEST_CASE(without_kernel_aio_files_go_to_threads_and_streams_wait_first) {
  for (const bool by_route : {true, false}) {
    Bench bench(by_route ? Route::pool : Route::automatic);
    bench.context.is_available = by_route;
    const support::Fd file = file_of(1 << 20);
    bench.use(file.get());
    bench.start();
    BOOST_TEST(bench.is_with_threads(Attempt::pool_io));

    Bench of_stream(by_route ? Route::pool : Route::automatic);
    of_stream.context.is_available = of_stream.owner.has_room_for_polls = by_route;
    of_stream.use(of_stream.pipe.first.get());
    of_stream.start();
    BOOST_TEST(!of_stream.readiness.empty());
  }
}

BOOST_AUTO_TEST_CASE(a_filter_of_io_submit_is_found_out_and_a_refusal_of_one_file_is_not_one) {
  for (const bool is_filtered : {true, false}) {
    Bench bench;
    const support::Fd file = file_of(1 << 20);
    bench.use(file.get());
    bench.context.is_filtered = is_filtered;
    bench.transfer.operation.opcode = Opcode::fdatasync;
    bench.start();
    BOOST_REQUIRE(bench.is_in_ring(Attempt::kernel_sync));
    bench.refuse(EPERM);
    BOOST_TEST(bench.context.is_available == !is_filtered);
    if (is_filtered) {
      BOOST_TEST(bench.context.refused_for == EPERM);
      BOOST_TEST(bench.is_with_threads(Attempt::pool_io));
    } else {
      BOOST_TEST(bench.has_ended(EPERM, 0));
    }
  }
}

BOOST_AUTO_TEST_CASE(without_a_thread_the_submitter_is_told) {
  Bench bench;
  const support::Fd file = file_of(1 << 20);
  bench.use(file.get());
  bench.threads.refuses = true;
  bench.start();
  BOOST_TEST(int(bench.answer(-EAGAIN, By::submitter)) == int(Started::no_threads));
  BOOST_TEST(bench.owner.ended.empty());
  BOOST_TEST(int(bench.transfer.state.load()) == int(TransferState::starting));

  Bench of_stream(Route::pool);
  of_stream.use(of_stream.pipe.first.get());
  of_stream.readiness.refuses = true;
  BOOST_TEST(int(of_stream.start()) == int(Started::no_threads));
  // A write is tried by a thread first, but would have nowhere to wait.
  Bench write(Route::pool);
  write.use(write.pipe.second.get());
  write.transfer.operation.opcode = Opcode::write;
  write.readiness.refuses = true;
  BOOST_TEST(int(write.start()) == int(Started::no_threads));
}

BOOST_AUTO_TEST_CASE(a_number_that_is_another_files_is_not_touched_again) {
  for (const std::int32_t value : {-EAGAIN, 5000}) {
    Bench bench;
    const support::Fd file = file_of(1 << 20);
    bench.use(file.get());
    bench.start();
    bench.owner.is_same_file = false;
    bench.answer(value);
    if (!bench.threads.empty()) {
      BOOST_REQUIRE(bench.threads.take() == &bench.transfer);
      BOOST_TEST(!bench.carrier.perform(bench.transfer).has_value());
    }
    BOOST_REQUIRE(bench.owner.ended.size() == 1);
    BOOST_TEST(bench.owner.ended.front().was_abandoned);
  }
}

BOOST_AUTO_TEST_CASE(a_short_transfer_of_a_file_that_nobody_has_noted_ends_there) {
  Bench bench;
  const support::Fd file = file_of(1 << 20);
  bench.use(file.get());
  bench.start();
  bench.owner.knows_file = false;
  bench.answer(5000);
  BOOST_REQUIRE(bench.owner.ended.size() == 1);
  BOOST_TEST(!bench.owner.ended.front().was_abandoned);
  BOOST_TEST(bench.transfer.done_bytes == 5000);
}

// Whatever the backends answer, in whatever order: each transfer ends once, with no more bytes
// than were asked for, as soon as they have answered well for a while.
BOOST_AUTO_TEST_CASE(each_transfer_ends_once_whatever_it_is_answered) {
  std::mt19937 random(support::seed());
  const auto below = [&](std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random);
  };
  constexpr std::array errors{EAGAIN, EAGAIN, EAGAIN, EOPNOTSUPP, EINTR, EIO, ENOSPC, EINVAL};
  const support::Fd file = file_of(1 << 20);
  std::array<std::size_t, 8> ends_of_way{};
  for (int round = 0; round < 20'000; ++round) {
    Bench bench(static_cast<Route>(below(4)));
    Transfer& transfer = bench.transfer;
    const std::size_t kind = below(3);
    const bool reads = below(2) == 0;
    bench.use(kind != 2 ? file.get() : (reads ? bench.pipe.first : bench.pipe.second).get());
    bench.owner.facts.traits.direct = kind == 1;
    bench.owner.facts.direct_bytes = kind == 1 ? 512 : 0;
    bench.owner.has_others = below(2) == 0;
    bench.context.is_available = below(8) != 0;
    bench.owner.has_room_for_polls = bench.context.is_available && below(2) == 0;
    transfer.operation.opcode = below(8) == 0 ? Opcode::fsync
                                : reads       ? Opcode::read
                                              : Opcode::write;
    Started started = bench.start();
    const std::size_t good_after = below(6);
    std::size_t step = 0;
    for (; bench.owner.ended.empty() && step < 40; ++step) {
      BOOST_REQUIRE(int(started) == int(Started::yes));
      const auto remaining = transfer.operation.remaining_bytes();
      const bool is_good = step >= good_after;
      std::int32_t value = static_cast<std::int32_t>(remaining);
      if (!is_good)
        value = below(2) == 0 ? -errors[below(errors.size())]
                              : static_cast<std::int32_t>(below(remaining + 1));
      if (!bench.owner.in_ring.empty()) {
        ++ends_of_way[0];
        if (transfer.operation.is_sync()) value = std::min(value, 0);
        bench.owner.in_ring.clear();
        transfer.move_to(TransferState::starting);
        started = bench.carrier.process_result(transfer, value, false, By::later);
      } else if (!bench.owner.polled.empty()) {
        ++ends_of_way[1];
        bench.owner.polled.clear();
        transfer.move_to(TransferState::starting);
        started = bench.carrier.process_result(transfer, POLLIN | POLLOUT, false, By::later);
      } else if (!bench.owner.held.empty()) {
        ++ends_of_way[2];
        bench.owner.held.clear();
        transfer.move_to(TransferState::starting);
        started = bench.carrier.start(transfer, By::later);
      } else if (bench.readiness.take() != nullptr) {
        ++ends_of_way[3];
        started = bench.carrier.process_result(transfer, POLLIN | POLLOUT, false, By::later);
      } else {
        BOOST_REQUIRE(bench.threads.take() == &transfer);
        ++ends_of_way[4];
        if (transfer.attempt == Attempt::pool_submit) {
          started = bench.owner.submit_by_kernel(transfer, Attempt::plain, By::later, nullptr);
        } else {
          if (transfer.operation.is_sync()) value = std::min(value, 0);
          started = bench.carrier.process_result(transfer, value, false, By::later);
        }
      }
    }
    BOOST_REQUIRE(bench.owner.ended.size() == 1);
    BOOST_REQUIRE(bench.owner.in_ring.empty() && bench.owner.polled.empty());
    BOOST_REQUIRE(bench.owner.held.empty() && bench.threads.empty() && bench.readiness.empty());
    BOOST_REQUIRE(transfer.done_bytes >= 0);
    BOOST_REQUIRE(static_cast<std::size_t>(transfer.done_bytes) <= size_bytes);
  }
  for (std::size_t way = 0; way < 5; ++way) BOOST_TEST(ends_of_way[way] > 100);
}

BOOST_AUTO_TEST_SUITE_END()
