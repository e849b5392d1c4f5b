// SPDX-License-Identifier: MIT
// aio_write() to streams: pipes, sockets, terminals.
#include "cases.h"

#include <atomic>
#include <sys/socket.h>

BOOST_AUTO_TEST_SUITE(writing_streams)

namespace {

std::vector<ChannelKind> kinds_without_messages() {
  auto kinds = channel_kinds();
  std::erase(kinds, ChannelKind::datagram_socket);
  return kinds;
}

std::string receive_all(const Channel& channel, std::size_t size_bytes) {
  std::string all;
  while (all.size() < size_bytes) {
    const std::string part = channel.receive(std::min<std::size_t>(65536, size_bytes - all.size()));
    if (part.empty()) break;
    all += part;
  }
  return all;
}

std::atomic<int> pipe_signals;

// Without it a SIGPIPE would end the whole test program.
class PipeSignalCounter {
 public:
  PipeSignalCounter() { pipe_signals = 0; }
  int count() const { return pipe_signals; }

 private:
  SignalHandler handler_{SIGPIPE, [](int) { ++pipe_signals; }};
};

}  // namespace

BOOST_DATA_TEST_CASE(what_is_written_arrives, data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  const Request write = Request::to_write(channel.writer(), "something");
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(wait_done(write) == 0);
  BOOST_TEST(aio_return(write) == 9);
  BOOST_TEST(channel.receive(100) == "something");
}

BOOST_DATA_TEST_CASE(every_offset_is_ignored, data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  for (const off_t offset : {off_t{0}, off_t{1}, off_t{123456789}, off_t{-1}, off_t{INT64_MIN}}) {
    const Request write = Request::to_write(channel.writer(), "text", offset);
    BOOST_REQUIRE(aio_write(write) == 0);
    BOOST_TEST(wait_done(write) == 0);
    BOOST_TEST(aio_return(write) == 4);
    BOOST_TEST(channel.receive(100) == "text");
  }
}

BOOST_DATA_TEST_CASE(a_write_waits_for_room_and_is_never_short,
                     data::make(kinds_without_messages()), kind) {
  constexpr std::size_t large_bytes = 8 << 20;
  const Channel channel{kind};
  const std::string content = pattern(large_bytes);
  const Request write = Request::to_write(channel.writer(), content);
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(stays([&] { return in_progress(write); }));
  BOOST_TEST((receive_all(channel, large_bytes) == content));
  BOOST_TEST(wait_done(write) == 0);
  BOOST_TEST(aio_return(write) == large_bytes);
}

BOOST_DATA_TEST_CASE(writes_arrive_in_call_order, data::make(kinds_without_messages()), kind) {
  const Channel channel{kind};
  std::string expected;
  std::vector<Request> writes;
  for (unsigned index = 0; index < 200; ++index) {
    const std::string part = pattern(1 + index * 61 % 9000, index * 10007);
    expected += part;
    writes.push_back(Request::to_write(channel.writer(), part));
    BOOST_REQUIRE(aio_write(writes.back()) == 0);
  }
  BOOST_TEST((receive_all(channel, expected.size()) == expected));
  for (const Request& write : writes) {
    BOOST_TEST(wait_done(write) == 0);
    BOOST_TEST(aio_return(write) == write->aio_nbytes);
  }
}

BOOST_AUTO_TEST_CASE(datagrams_arrive_whole_and_in_call_order) {
  const Channel channel{ChannelKind::datagram_socket};
  std::vector<Request> writes;
  for (unsigned index = 0; index < 500; ++index) {
    writes.push_back(Request::to_write(channel.writer(), pattern(1 + index * 7, index)));
    BOOST_REQUIRE(aio_write(writes.back()) == 0);
  }
  for (unsigned index = 0; index < 500; ++index)
    BOOST_TEST((channel.receive(9999) == pattern(1 + index * 7, index)));
  for (const Request& write : writes) {
    BOOST_TEST(wait_done(write) == 0);
    BOOST_TEST(aio_return(write) == write->aio_nbytes);
  }
}

BOOST_DATA_TEST_CASE(a_full_nonblocking_stream_says_EAGAIN,
                     data::make({ChannelKind::pipe, ChannelKind::stream_socket,
                                 ChannelKind::datagram_socket}),
                     kind) {
  const Channel channel{kind};
  channel.fill();
  channel.set_nonblocking();
  const Request write = Request::to_write(channel.writer(), pattern(5000));
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(wait_done(write) == EAGAIN);
  BOOST_TEST(aio_return(write) == -1);
}

BOOST_DATA_TEST_CASE(a_nonblocking_stream_takes_what_it_has_room_for,
                     data::make({ChannelKind::pipe, ChannelKind::stream_socket}), kind) {
  constexpr std::size_t large_bytes = 4 << 20;
  const Channel channel{kind};
  channel.set_nonblocking();
  const Request write = Request::to_write(channel.writer(), pattern(large_bytes));
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(wait_done(write) == 0);
  const ssize_t count = aio_return(write);
  BOOST_TEST(count > 0);
  BOOST_TEST(count < static_cast<ssize_t>(large_bytes));
  BOOST_TEST(is_pattern(receive_all(channel, static_cast<std::size_t>(count))));
}

BOOST_AUTO_TEST_CASE(a_write_of_nothing_to_a_full_pipe_does_not_wait) {
  const Channel channel{ChannelKind::pipe};
  channel.fill();
  const Request write = Request::to_write(channel.writer(), "");
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(wait_done(write) == 0);
  BOOST_TEST(aio_return(write) == 0);
}

BOOST_DATA_TEST_CASE(a_write_nobody_can_read_says_EPIPE_and_sends_no_SIGPIPE,
                     data::make({ChannelKind::pipe, ChannelKind::stream_socket}), kind) {
  const PipeSignalCounter signals;
  Channel channel{kind};
  channel.close_reader();
  const Request write = Request::to_write(channel.writer(), "text");
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(wait_done(write) == EPIPE);
  BOOST_TEST(aio_return(write) == -1);
  BOOST_TEST(signals.count() == 0);
}

BOOST_DATA_TEST_CASE(no_SIGPIPE_is_left_pending,
                     data::make({ChannelKind::pipe, ChannelKind::stream_socket}), kind) {
  const BlockedSignal broken_pipe{SIGPIPE};
  Channel channel{kind};
  channel.close_reader();
  const Request write = Request::to_write(channel.writer(), "text");
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(wait_done(write) == EPIPE);
  BOOST_TEST(!broken_pipe.is_pending());
}

BOOST_AUTO_TEST_CASE(a_SIGPIPE_that_was_pending_already_stays) {
  const BlockedSignal broken_pipe{SIGPIPE};
  pthread_kill(pthread_self(), SIGPIPE);
  Channel channel{ChannelKind::pipe};
  channel.close_reader();
  const Request write = Request::to_write(channel.writer(), "text");
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(wait_done(write) == EPIPE);
  BOOST_TEST(broken_pipe.is_pending());
}

BOOST_DATA_TEST_CASE(writes_that_wait_end_with_EPIPE_when_the_reader_closes,
                     data::make({ChannelKind::pipe, ChannelKind::stream_socket}), kind) {
  const PipeSignalCounter signals;
  Channel channel{kind};
  channel.fill();
  std::vector<Request> writes;
  for (int index = 0; index < 5; ++index) {
    writes.push_back(Request::to_write(channel.writer(), "text"));
    BOOST_REQUIRE(aio_write(writes.back()) == 0);
  }
  BOOST_TEST(stays([&] { return in_progress(writes.front()); }));
  channel.close_reader();
  for (const Request& write : writes) {
    const int status = wait_done(write);
    // A socket says once that what it had taken already is lost.
    BOOST_TEST((status == EPIPE || (kind != ChannelKind::pipe && status == ECONNRESET)));
    BOOST_TEST(aio_return(write) == -1);
  }
  BOOST_TEST(signals.count() == 0);
}

BOOST_AUTO_TEST_CASE(a_half_done_write_tells_how_much_when_the_reader_closes) {
  const PipeSignalCounter signals;
  Channel channel{ChannelKind::pipe};
  const Request write = Request::to_write(channel.writer(), pattern(1 << 20));
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(stays([&] { return in_progress(write); }));
  channel.close_reader();
  BOOST_TEST(wait_done(write) == 0);
  BOOST_TEST(aio_return(write) == 65536);
  BOOST_TEST(signals.count() == 0);
}

// glibc carries out one request per descriptor at a time.
BOOST_DATA_TEST_CASE(a_read_that_waits_does_not_hold_up_writes, data::make(two_way_channel_kinds()),
                     kind) {
  const Channel channel{kind};
  const Request read = Request::to_read(channel.writer(), 100);
  BOOST_REQUIRE(aio_read(read) == 0);
  for (int index = 0; index < 10; ++index) {
    const Request write = Request::to_write(channel.writer(), "text");
    BOOST_REQUIRE(aio_write(write) == 0);
    BOOST_TEST(wait_done(write) == 0);
    BOOST_TEST(aio_return(write) == 4);
    BOOST_TEST(channel.receive(4) == "text");
  }
  BOOST_TEST(in_progress(read));
  BOOST_TEST(aio_cancel(channel.writer(), read) == AIO_CANCELED);
}

BOOST_DATA_TEST_CASE(a_write_that_waits_does_not_hold_up_reads,
                     data::make({ChannelKind::stream_socket, ChannelKind::tcp_socket}), kind) {
  constexpr std::size_t large_bytes = 16 << 20;
  const Channel channel{kind};
  const Request write = Request::to_write(channel.writer(), pattern(large_bytes));
  BOOST_REQUIRE(aio_write(write) == 0);
  for (int index = 0; index < 10; ++index) {
    const Request read = Request::to_read(channel.writer(), 100);
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_REQUIRE(::send(channel.reader(), "other way", 9, 0) == 9);
    BOOST_TEST(wait_done(read) == 0);
    BOOST_TEST(aio_return(read) == 9);
  }
  BOOST_TEST(in_progress(write));
  BOOST_TEST(is_pattern(receive_all(channel, large_bytes)));
  BOOST_TEST(wait_done(write) == 0);
  BOOST_TEST(aio_return(write) == large_bytes);
}

BOOST_AUTO_TEST_SUITE_END()
