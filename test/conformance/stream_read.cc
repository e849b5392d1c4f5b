// SPDX-License-Identifier: MIT
// aio_read() of streams: pipes, sockets, terminals.
#include "cases.h"

#include <algorithm>
#include <sys/socket.h>
#include <termios.h>
#include <thread>

BOOST_AUTO_TEST_SUITE(reading_streams)

namespace {

std::vector<ChannelKind> kinds_without_messages() {
  auto kinds = channel_kinds();
  std::erase(kinds, ChannelKind::datagram_socket);
  return kinds;
}

}  // namespace

BOOST_DATA_TEST_CASE(a_read_gets_what_is_there_and_does_not_wait_for_more,
                     data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  channel.send("here");
  const Request read = Request::to_read(channel.reader(), 100);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_REQUIRE(aio_return(read) == 4);
  BOOST_TEST(read.text(4) == "here");
}

BOOST_DATA_TEST_CASE(a_read_waits_for_data, data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  const Request read = Request::to_read(channel.reader(), 100);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(stays([&] { return in_progress(read); }));
  channel.send("at last");
  BOOST_TEST(wait_done(read) == 0);
  BOOST_REQUIRE(aio_return(read) == 7);
  BOOST_TEST(read.text(7) == "at last");
}

BOOST_DATA_TEST_CASE(reads_get_data_in_call_order, data::make(kinds_without_messages()), kind) {
  const Channel channel{kind};
  std::vector<Request> reads;
  for (int index = 0; index < 50; ++index) {
    reads.push_back(Request::to_read(channel.reader(), 3));
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  std::string sent;
  for (int index = 0; index < 50; ++index) sent += std::to_string(100 + index);
  for (std::size_t position = 0; position < sent.size(); position += 15)
    channel.send(std::string_view{sent}.substr(position, 15));
  std::string received;
  for (const Request& read : reads) {
    BOOST_TEST(wait_done(read) == 0);
    const ssize_t count = aio_return(read);
    BOOST_REQUIRE(count == 3);
    received += read.text(3);
  }
  BOOST_TEST(received == sent);
}

BOOST_AUTO_TEST_CASE(each_read_gets_one_datagram) {
  const Channel channel{ChannelKind::datagram_socket};
  std::vector<Request> reads;
  for (int index = 0; index < 20; ++index) {
    reads.push_back(Request::to_read(channel.reader(), 5));
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  const auto message = [](int index) { return std::string_view{"123456789"}.substr(index % 9); };
  for (int index = 0; index < 20; ++index) channel.send(message(index));
  for (int index = 0; index < 20; ++index) {
    BOOST_TEST(wait_done(reads[index]) == 0);
    const std::string_view sent = message(index);
    const std::size_t count = std::min<std::size_t>(5, sent.size());  // the rest is cut off
    BOOST_REQUIRE(aio_return(reads[index]) == static_cast<ssize_t>(count));
    BOOST_TEST(reads[index].text(count) == sent.substr(0, count));
  }
}

BOOST_AUTO_TEST_CASE(an_empty_datagram_is_read_as_zero_bytes) {
  const Channel channel{ChannelKind::datagram_socket};
  const Request read = Request::to_read(channel.reader(), 5);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_REQUIRE(::send(channel.writer(), "", 0, 0) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_return(read) == 0);
}

BOOST_DATA_TEST_CASE(every_offset_is_ignored, data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  for (const off_t offset : {off_t{0}, off_t{1}, off_t{123456789}, off_t{-1}, off_t{INT64_MIN}}) {
    const Request read = Request::to_read(channel.reader(), 100, offset);
    BOOST_REQUIRE(aio_read(read) == 0);
    channel.send("text");
    BOOST_TEST(wait_done(read) == 0);
    BOOST_TEST(aio_return(read) == 4);
  }
}

BOOST_DATA_TEST_CASE(a_nonblocking_stream_without_data_says_EAGAIN, data::make(channel_kinds()),
                     kind) {
  const Channel channel{kind};
  channel.set_nonblocking();
  const Request read = Request::to_read(channel.reader(), 100);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == EAGAIN);
  BOOST_TEST(aio_return(read) == -1);
}

BOOST_DATA_TEST_CASE(a_nonblocking_stream_with_data_gives_it, data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  channel.set_nonblocking();
  channel.send("text");
  const Request read = Request::to_read(channel.reader(), 100);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_return(read) == 4);
}

BOOST_AUTO_TEST_CASE(a_nonblocking_eventfd_at_zero_says_EAGAIN) {
  const Fd event = make_eventfd(0, O_NONBLOCK);
  const Request read = Request::to_read(event.get(), 8);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == EAGAIN);
}

BOOST_DATA_TEST_CASE(reads_that_wait_end_with_zero_when_the_other_end_closes,
                     data::make({ChannelKind::pipe, ChannelKind::stream_socket,
                                 ChannelKind::tcp_socket}),
                     kind) {
  Channel channel{kind};
  std::vector<Request> reads;
  for (int index = 0; index < 5; ++index) {
    reads.push_back(Request::to_read(channel.reader(), 100));
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  BOOST_TEST(stays([&] { return in_progress(reads.front()); }));
  channel.close_writer();
  for (const Request& read : reads) {
    BOOST_TEST(wait_done(read) == 0);
    BOOST_TEST(aio_return(read) == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_read_of_a_pty_master_ends_with_EIO_when_the_slave_closes) {
  Channel channel{ChannelKind::pty_master};
  const Request read = Request::to_read(channel.reader(), 100);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(stays([&] { return in_progress(read); }));
  channel.close_writer();
  BOOST_TEST(wait_done(read) == EIO);
  BOOST_TEST(aio_return(read) == -1);
}

BOOST_AUTO_TEST_CASE(a_read_of_a_pty_slave_ends_when_the_master_closes) {
  Channel channel{ChannelKind::pty_slave};
  const Request read = Request::to_read(channel.reader(), 100);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(stays([&] { return in_progress(read); }));
  channel.close_writer();
  const int status = wait_done(read);  // as read(): depends on how far the hang-up has come
  BOOST_TEST((status == EIO || (status == 0 && aio_return(read) == 0)));
}

BOOST_AUTO_TEST_CASE(a_shut_down_socket_is_at_its_end) {
  const Channel channel{ChannelKind::stream_socket};
  const Request read = Request::to_read(channel.reader(), 100);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_REQUIRE(::shutdown(channel.writer(), SHUT_WR) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_return(read) == 0);
}

// read() does not wait either when it is asked for nothing.
BOOST_DATA_TEST_CASE(a_read_of_nothing_does_not_wait,
                     data::make({ChannelKind::pipe, ChannelKind::stream_socket,
                                 ChannelKind::tcp_socket}),
                     kind) {
  const Channel channel{kind};
  const Request read = Request::to_read(channel.reader(), 0);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_return(read) == 0);
}

BOOST_DATA_TEST_CASE(a_read_outlives_the_thread_that_made_it, data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  const Request read = Request::to_read(channel.reader(), 100);
  int result = -1;
  std::thread{[&] { result = aio_read(read); }}.join();
  BOOST_REQUIRE(result == 0);
  BOOST_TEST(stays([&] { return in_progress(read); }));
  channel.send("late");
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_return(read) == 4);
}

BOOST_AUTO_TEST_CASE(a_line_of_a_terminal_is_read_when_it_is_complete) {
  const FdPair ends = make_pty();
  termios mode;
  BOOST_REQUIRE(::tcgetattr(ends.second.get(), &mode) == 0);
  mode.c_lflag |= ICANON;
  BOOST_REQUIRE(::tcsetattr(ends.second.get(), TCSANOW, &mode) == 0);
  const Request read = Request::to_read(ends.second.get(), 100);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_REQUIRE(::write(ends.first.get(), "half", 4) == 4);
  BOOST_TEST(stays([&] { return in_progress(read); }));
  BOOST_REQUIRE(::write(ends.first.get(), " a line\nmore", 12) == 12);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_REQUIRE(aio_return(read) == 12);
  BOOST_TEST(read.text(12) == "half a line\n");
}

BOOST_AUTO_TEST_SUITE_END()
