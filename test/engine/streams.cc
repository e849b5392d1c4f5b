// SPDX-License-Identifier: MIT
// Pipes, sockets and terminals, by every way.
#include <kaio/engine.h>

#include "support/channel.h"
#include "support/deadline.h"
#include "support/pattern.h"
#include "support/temporary_file.h"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <sys/uio.h>
#include <thread>
#include <unistd.h>

#include "detached.h"

using Clock = kaio::Operation::Clock;
using kaio::Operation;
using support::ChannelKind;

namespace data = boost::unit_test::data;

// Named, as lambdas in templates capture it.
namespace engine_test {

struct Ends {
  explicit Ends(ChannelKind kind, bool kernel_aio)
      : channel(kind), reader(kaio::File::adopt(::dup(channel.reader()))),
        writer(kaio::File::adopt(::dup(channel.writer()))),
        engine({.depth = 16, .kernel_aio = kernel_aio}) {}

  support::Channel channel;
  kaio::File reader, writer;
  std::array<char, 64> text{};
  kaio::Engine engine;

  bool wait() { return engine.wait(1, Clock::now() + support::patience) != 0; }
};

}  // namespace engine_test

using engine_test::Ends;

BOOST_AUTO_TEST_SUITE(streams)

namespace {

const auto ways = data::make(support::channel_kinds()) * data::make({true, false});

}  // namespace

BOOST_DATA_TEST_CASE(a_read_ends_with_what_there_is, ways, kind, kernel_aio) {
  Ends ends(kind, kernel_aio);
  BOOST_TEST(ends.reader.is_stream());
  Operation read;
  for (int round = 0; round < 20; ++round) {
    if (round % 2 == 0) ends.channel.send("hello");
    ends.engine.submit(read.read(ends.reader, ends.text.data(), ends.text.size(), 0)).or_throw();
    if (round % 2 == 1) {
      ends.engine.poll();
      ends.channel.send("hello");
    }
    BOOST_REQUIRE(ends.wait());
    BOOST_REQUIRE(read.result().value() == 5U);
    BOOST_REQUIRE(std::string(ends.text.data(), 5) == "hello");
  }
}

BOOST_DATA_TEST_CASE(a_write_is_whole_though_its_reader_is_slow, data::make({true, false}),
                     kernel_aio) {
  Ends ends(ChannelKind::pipe, kernel_aio);
  const std::string text = support::pattern(1 << 20);
  std::string received;
  std::thread reader([&] {
    while (received.size() < text.size()) received += ends.channel.receive(10'000);
  });
  Operation write;
  ends.engine.submit(write.write(ends.writer, text.data(), text.size(), 0)).or_throw();
  BOOST_TEST(ends.wait());
  BOOST_TEST(write.result().value() == text.size());
  reader.join();
  BOOST_TEST((received == text));
}

// Without a SIGPIPE, which would end this program.
BOOST_DATA_TEST_CASE(a_write_that_nobody_reads_fails, data::make({true, false}), kernel_aio) {
  for (const ChannelKind kind : {ChannelKind::pipe, ChannelKind::stream_socket}) {
    Ends ends(kind, kernel_aio);
    ends.reader = kaio::File();
    ends.channel.close_reader();
    Operation write;
    ends.engine.submit(write.write(ends.writer, "x", 1, 0)).or_throw();
    BOOST_TEST(ends.wait());
    BOOST_TEST((write.result().error() == std::errc::broken_pipe));
  }
}

// Wherever in the batch it stands.
BOOST_AUTO_TEST_CASE(one_that_nobody_reads_fails_behind_others_too) {
  Ends ends(ChannelKind::pipe, true);
  ends.reader = kaio::File();
  ends.channel.close_reader();
  const support::TemporaryFile temporary(4096);
  const kaio::File file(temporary.path().c_str(), {.flags = O_RDONLY});
  const kaio::Buffer buffer(4096);
  std::array<Operation, 4> reads, writes;
  for (std::size_t i = 0; i < reads.size(); ++i) {
    ends.engine.submit(reads[i].read(file, buffer.data(), 4096, 0)).or_throw();
    ends.engine.submit(writes[i].write(ends.writer, "x", 1, 0)).or_throw();
  }
  ends.engine.drain();
  for (std::size_t i = 0; i < reads.size(); ++i) {
    BOOST_TEST(reads[i].result().value() == 4096U);
    BOOST_TEST((writes[i].result().error() == std::errc::broken_pipe));
  }
}

BOOST_DATA_TEST_CASE(a_read_ends_with_nothing_when_the_writer_is_gone, data::make({true, false}),
                     kernel_aio) {
  Ends ends(ChannelKind::pipe, kernel_aio);
  Operation read;
  ends.engine.submit(read.read(ends.reader, ends.text.data(), ends.text.size(), 0)).or_throw();
  ends.engine.poll();
  ends.writer = kaio::File();
  ends.channel.close_writer();
  BOOST_TEST(ends.wait());
  BOOST_TEST(read.result().value() == 0U);
}

BOOST_DATA_TEST_CASE(vectors_are_read_and_written, data::make({true, false}), kernel_aio) {
  Ends ends(ChannelKind::stream_socket, kernel_aio);
  std::string left = "left ", right = "right";
  std::array<iovec, 2> from{{{left.data(), left.size()}, {right.data(), right.size()}}};
  Operation write, read;
  ends.engine.submit(write.writev(ends.writer, from, 0)).or_throw();
  ends.engine.drain();
  BOOST_TEST(write.result().value() == 10U);
  std::array<char, 3> first{};
  std::array<iovec, 2> to{{{first.data(), first.size()}, {ends.text.data(), ends.text.size()}}};
  ends.engine.submit(read.readv(ends.reader, to, 0)).or_throw();
  ends.engine.drain();
  BOOST_TEST(read.result().value() == 10U);
  BOOST_TEST(std::string(first.data(), 3) + std::string(ends.text.data(), 7) == "left right");
}

BOOST_DATA_TEST_CASE(a_poll_tells_the_events_and_counts_no_bytes, ways, kind, kernel_aio) {
  Ends ends(kind, kernel_aio);
  Operation to_write, to_read;
  ends.engine.submit(to_write.poll(ends.writer.fd(), kaio::Readiness::writable)).or_throw();
  ends.engine.submit(to_read.poll(ends.reader.fd(), kaio::Readiness::readable)).or_throw();
  BOOST_REQUIRE(ends.wait());
  BOOST_TEST((to_write.result().value() & POLLOUT) != 0U);
  BOOST_TEST(!to_read.is_idle());
  ends.channel.send("x");
  BOOST_REQUIRE(ends.wait());
  BOOST_TEST((to_read.result().value() & POLLIN) != 0U);
  const kaio::EngineStatistics statistics = ends.engine.statistics();
  BOOST_TEST(statistics.read_bytes == 0U);
  BOOST_TEST(statistics.written_bytes == 0U);
}

BOOST_DATA_TEST_CASE(coroutines_talk_over_a_socket, data::make({true, false}), kernel_aio) {
  Ends ends(ChannelKind::stream_socket, kernel_aio);
  int error_number = 0;
  std::size_t echoed_bytes = 0;
  const auto serve = [&]() -> engine_test::Detached {
    while (const std::size_t size_bytes =
               co_await ends.engine.read(ends.reader, ends.text.data(), ends.text.size(), 0)
                   .or_throw()) {
      co_await ends.engine.write(ends.reader, ends.text.data(), size_bytes, 0).or_throw();
      echoed_bytes += size_bytes;
    }
  };
  std::array<char, 4> answer{};
  const auto ask = [&]() -> engine_test::Detached {
    for (int i = 0; i < 100; ++i) {
      co_await ends.engine.write(ends.writer, "ping", 4, 0).or_throw();
      for (std::size_t count = 0; count < 4;)
        count += co_await ends.engine.read(ends.writer, answer.data(), 4, 0).or_throw();
    }
    // Nothing comes any more.
    const kaio::Result result = co_await ends.engine.read(ends.writer, answer.data(), 4, 0)
                                    .with_deadline(Clock::now() + std::chrono::milliseconds(5));
    error_number = result.error().value();
    ends.writer = kaio::File();
    ends.channel.close_writer();
  };
  serve();
  ask();
  ends.engine.drain();
  BOOST_TEST(echoed_bytes == 400U);
  BOOST_TEST(error_number == ETIMEDOUT);
}

BOOST_AUTO_TEST_SUITE_END()
