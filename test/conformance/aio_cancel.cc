// SPDX-License-Identifier: MIT
#include "cases.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

BOOST_AUTO_TEST_SUITE(cancelling)

namespace {

std::vector<Request> submitted_reads(int fd, int count, std::size_t size_bytes = 10) {
  std::vector<Request> reads;
  for (int index = 0; index < count; ++index) {
    reads.push_back(Request::to_read(fd, size_bytes));
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  return reads;
}

// Larger than any stream's buffers: part of it is in, the rest waits for room.
constexpr std::size_t large_bytes = 16 << 20;

Request started_write(const Channel& channel) {
  Request write = Request::to_write(channel.writer(), pattern(large_bytes));
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(eventually([&] {
    int waiting_bytes = 0;
    return ::ioctl(channel.reader(), FIONREAD, &waiting_bytes) == 0 && waiting_bytes > 0;
  }));
  return write;
}

void receive_pattern(const Channel& channel, std::size_t size_bytes) {
  std::string all;
  while (all.size() < size_bytes)
    all += channel.receive(std::min<std::size_t>(size_bytes - all.size(), 65536));
  BOOST_TEST(is_pattern(all));
}

const std::vector<ChannelKind> kinds_with_room_to_fill{
    ChannelKind::pipe, ChannelKind::stream_socket, ChannelKind::tcp_socket};

}  // namespace

BOOST_DATA_TEST_CASE(a_read_that_waits_for_data_is_cancelled, data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  const Request read = Request::to_read(channel.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(stays([&] { return in_progress(read); }, 10ms));
  BOOST_TEST(aio_cancel(channel.reader(), read) == AIO_CANCELED);
  BOOST_TEST(aio_error(read) == ECANCELED);
  BOOST_TEST(aio_return(read) == -1);
  // It has taken nothing, and takes nothing later.
  channel.send("text");
  BOOST_TEST(channel.receive(10) == "text");
}

BOOST_DATA_TEST_CASE(a_read_is_cancelled_right_after_the_call, data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  for (int round = 0; round < 100; ++round) {
    const Request read = Request::to_read(channel.reader(), 10);
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_REQUIRE(aio_cancel(channel.reader(), read) == AIO_CANCELED);
    BOOST_REQUIRE(aio_error(read) == ECANCELED);
  }
  channel.send("text");
  BOOST_TEST(channel.receive(10) == "text");
}

BOOST_AUTO_TEST_CASE(a_read_of_an_eventfd_is_cancelled) {
  const Fd event = make_eventfd();
  const Request read = Request::to_read(event.get(), 8);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(aio_cancel(event.get(), read) == AIO_CANCELED);
  BOOST_TEST(aio_error(read) == ECANCELED);
}

// glibc lets the rest of the descriptor hang after the first one went.
BOOST_DATA_TEST_CASE(those_behind_a_cancelled_one_go_on, data::make(channel_kinds()), kind) {
  for (const int cancelled : {0, 1, 4}) {
    const Channel channel{kind};
    const auto reads = submitted_reads(channel.reader(), 5);
    BOOST_TEST(aio_cancel(channel.reader(), reads[cancelled]) == AIO_CANCELED);
    for (int index = 0; index < 5; ++index) {
      if (index == cancelled) continue;
      channel.send("text");
      BOOST_TEST(wait_done(reads[index]) == 0);
      BOOST_TEST(aio_return(reads[index]) == 4);
    }
    BOOST_TEST(aio_error(reads[cancelled]) == ECANCELED);
  }
}

BOOST_DATA_TEST_CASE(null_cancels_all_of_the_descriptor, data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  const Channel other{kind};
  const auto reads = submitted_reads(channel.reader(), 20);
  const auto others = submitted_reads(other.reader(), 1);
  BOOST_TEST(aio_cancel(channel.reader(), nullptr) == AIO_CANCELED);
  for (const Request& read : reads) {
    BOOST_TEST(aio_error(read) == ECANCELED);
    BOOST_TEST(aio_return(read) == -1);
  }
  BOOST_TEST(in_progress(others[0]));
  channel.send("text");
  BOOST_TEST(channel.receive(10) == "text");
}

// Part of it is in the stream: that is its result, and so it was not cancelled.
BOOST_DATA_TEST_CASE(a_write_that_has_started_ends_with_the_bytes_that_went,
                     data::make(kinds_with_room_to_fill), kind) {
  const Channel channel{kind};
  const Request write = started_write(channel);
  BOOST_TEST(stays([&] { return in_progress(write); }));
  BOOST_TEST(aio_cancel(channel.writer(), write) == AIO_NOTCANCELED);
  BOOST_TEST(aio_error(write) == 0);
  const ssize_t went = aio_return(write);
  BOOST_TEST(went > 0);
  BOOST_TEST(went < ssize_t{large_bytes});
  BOOST_TEST(aio_cancel(channel.writer(), write) == AIO_ALLDONE);
  const Request next = Request::to_write(channel.writer(), "next");
  BOOST_REQUIRE(aio_write(next) == 0);
  receive_pattern(channel, static_cast<std::size_t>(went));
  BOOST_TEST(channel.receive(10) == "next");
}

BOOST_DATA_TEST_CASE(a_write_of_which_nothing_went_is_cancelled,
                     data::make(kinds_with_room_to_fill), kind) {
  const Channel channel{kind};
  channel.fill();
  const Request write = Request::to_write(channel.writer(), "text");
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(stays([&] { return in_progress(write); }));
  BOOST_TEST(aio_cancel(channel.writer(), write) == AIO_CANCELED);
  BOOST_TEST(aio_error(write) == ECANCELED);
}

BOOST_DATA_TEST_CASE(writes_queued_behind_one_that_has_started_are_cancelled,
                     data::make(kinds_with_room_to_fill), kind) {
  const Channel channel{kind};
  const Request write = started_write(channel);
  const Request second = Request::to_write(channel.writer(), "second");
  const Request third = Request::to_write(channel.writer(), "third");
  BOOST_REQUIRE(aio_write(second) == 0);
  BOOST_REQUIRE(aio_write(third) == 0);
  BOOST_TEST(aio_cancel(channel.writer(), second) == AIO_CANCELED);
  BOOST_TEST(aio_error(second) == ECANCELED);
  receive_pattern(channel, large_bytes);
  BOOST_TEST(channel.receive(10) == "third");
  BOOST_TEST(wait_done(write) == 0);
  BOOST_TEST(wait_done(third) == 0);
}

BOOST_DATA_TEST_CASE(null_says_NOTCANCELED_when_one_could_not_be,
                     data::make({ChannelKind::stream_socket, ChannelKind::tcp_socket}), kind) {
  const Channel channel{kind};
  const Request write = started_write(channel);
  const Request second = Request::to_write(channel.writer(), "second");
  BOOST_REQUIRE(aio_write(second) == 0);
  const auto reads = submitted_reads(channel.writer(), 3);
  BOOST_TEST(aio_cancel(channel.writer(), nullptr) == AIO_NOTCANCELED);
  BOOST_TEST(aio_error(second) == ECANCELED);
  for (const Request& read : reads) BOOST_TEST(aio_error(read) == ECANCELED);
  BOOST_TEST(aio_error(write) == 0);
  receive_pattern(channel, static_cast<std::size_t>(aio_return(write)));
}

BOOST_AUTO_TEST_CASE(what_is_done_is_ALLDONE) {
  const Storage storage{StorageKind::buffered_file};
  const Request read = Request::to_read(storage.fd(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  wait_done(read);
  BOOST_TEST(aio_cancel(storage.fd(), read) == AIO_ALLDONE);
  BOOST_TEST(aio_error(read) == 0);
  BOOST_TEST(aio_return(read) == 10);
  BOOST_TEST(aio_cancel(storage.fd(), read) == AIO_ALLDONE);
}

BOOST_AUTO_TEST_CASE(what_was_cancelled_is_ALLDONE_afterwards) {
  const Channel pipe{ChannelKind::pipe};
  const auto reads = submitted_reads(pipe.reader(), 1);
  BOOST_TEST(aio_cancel(pipe.reader(), reads[0]) == AIO_CANCELED);
  BOOST_TEST(aio_cancel(pipe.reader(), reads[0]) == AIO_ALLDONE);
  BOOST_TEST(aio_cancel(pipe.reader(), nullptr) == AIO_ALLDONE);
}

BOOST_AUTO_TEST_CASE(what_was_never_submitted_is_ALLDONE) {
  const Channel pipe{ChannelKind::pipe};
  const Request read = Request::to_read(pipe.reader(), 10);
  BOOST_TEST(aio_cancel(pipe.reader(), read) == AIO_ALLDONE);
}

BOOST_AUTO_TEST_CASE(a_descriptor_without_requests_is_ALLDONE) {
  const Storage storage{StorageKind::buffered_file};
  BOOST_TEST(aio_cancel(storage.fd(), nullptr) == AIO_ALLDONE);
  const Request read = Request::to_read(storage.fd(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  wait_done(read);
  BOOST_TEST(aio_cancel(storage.fd(), nullptr) == AIO_ALLDONE);
}

BOOST_AUTO_TEST_CASE(a_bad_descriptor_says_EBADF) {
  Fd closed = open_path("/dev/null", O_RDWR);
  const int number = closed.get();
  closed.close();
  for (const int fd : {-1, number, 1 << 30, INT32_MIN}) {
    aiocb block{};
    block.aio_fildes = fd;
    BOOST_TEST(errno_of([&] { return aio_cancel(fd, nullptr); }) == EBADF);
    BOOST_TEST(errno_of([&] { return aio_cancel(fd, &block); }) == EBADF);
  }
}

BOOST_AUTO_TEST_CASE(the_block_of_another_descriptor_says_EINVAL) {
  const Channel pipe{ChannelKind::pipe};
  const Channel other{ChannelKind::pipe};
  const auto reads = submitted_reads(pipe.reader(), 1);
  BOOST_TEST(errno_of([&] { return aio_cancel(other.reader(), reads[0]); }) == EINVAL);
  BOOST_TEST(in_progress(reads[0]));
  pipe.send("text");
  BOOST_TEST(wait_done(reads[0]) == 0);
}

BOOST_AUTO_TEST_CASE(requests_of_a_duplicate_are_left_alone) {
  const Channel pipe{ChannelKind::pipe};
  const Fd duplicate{checked(::dup(pipe.reader()), "dup")};
  const auto reads = submitted_reads(pipe.reader(), 1);
  BOOST_TEST(aio_cancel(duplicate.get(), nullptr) == AIO_ALLDONE);
  BOOST_TEST(in_progress(reads[0]));
}

BOOST_AUTO_TEST_CASE(a_cancelled_block_may_be_submitted_again) {
  const Channel pipe{ChannelKind::pipe};
  const Request read = Request::to_read(pipe.reader(), 10);
  for (int round = 0; round < 20; ++round) {
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_REQUIRE(aio_cancel(pipe.reader(), read) == AIO_CANCELED);
  }
  BOOST_REQUIRE(aio_read(read) == 0);
  pipe.send("text");
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_return(read) == 4);
}

BOOST_DATA_TEST_CASE(each_cancelled_request_is_notified_exactly_once, data::make(channel_kinds()),
                     kind) {
  const Channel channel{kind};
  Callbacks callbacks;
  std::vector<Request> reads;
  for (int index = 0; index < 20; ++index) {
    reads.push_back(Request::to_read(channel.reader(), 10));
    callbacks.attach(reads.back()->aio_sigevent);
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  BOOST_TEST(aio_cancel(channel.reader(), reads[7]) == AIO_CANCELED);
  BOOST_TEST(callbacks.wait_for(1));
  BOOST_TEST(aio_cancel(channel.reader(), nullptr) == AIO_CANCELED);
  BOOST_TEST(callbacks.wait_for(20));
  BOOST_TEST(stays([&] { return callbacks.count() == 20; }));
}

BOOST_AUTO_TEST_SUITE_END()
