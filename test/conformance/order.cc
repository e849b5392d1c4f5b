// SPDX-License-Identifier: MIT
// What happens in call order, and what does not wait for each other. The order
// of streams is in stream_read.cc and stream_write.cc.
#include "cases.h"

#include "support/seed.h"

#include <random>
#include <sys/socket.h>

BOOST_AUTO_TEST_SUITE(order)

namespace {

std::vector<StorageKind> appendable_files() {
  auto kinds = storage_kinds();
  std::erase(kinds, StorageKind::loop_device);
  return kinds;
}

// Blocks that O_DIRECT takes too; each tells its number.
std::string numbered_block(int number) {
  std::string block = "block " + std::to_string(number);
  block.resize(4096, '.');
  return block;
}

}  // namespace

BOOST_DATA_TEST_CASE(appending_writes_arrive_in_call_order, data::make(appendable_files()), kind) {
  const Storage storage{kind, 0};
  const Fd fd = storage.open_again(O_RDWR | O_APPEND);
  std::vector<Request> writes;
  for (int number = 0; number < 300; ++number) {
    writes.push_back(Request::to_write(fd.get(), numbered_block(number), 4096 * (number % 7)));
    BOOST_REQUIRE(aio_write(writes.back()) == 0);
  }
  for (const Request& write : writes) {
    BOOST_TEST(wait_done(write) == 0);
    BOOST_TEST(aio_return(write) == 4096);
  }
  for (int number = 0; number < 300; ++number)
    BOOST_TEST(storage.read(4096, 4096 * number) == numbered_block(number));
}

BOOST_DATA_TEST_CASE(appending_writes_of_a_list_arrive_in_its_order,
                     data::make(appendable_files()) * data::make({LIO_WAIT, LIO_NOWAIT}), kind,
                     mode) {
  const Storage storage{kind, 0};
  const Fd fd = storage.open_again(O_RDWR | O_APPEND);
  std::vector<Request> writes;
  for (int number = 0; number < 100; ++number)
    writes.push_back(Request::to_write(fd.get(), numbered_block(number)));
  BOOST_REQUIRE(lio_listio(mode, list_of(writes).data(), 100, nullptr) == 0);
  wait_all_done(writes);
  for (int number = 0; number < 100; ++number)
    BOOST_TEST(storage.read(4096, 4096 * number) == numbered_block(number));
}

BOOST_AUTO_TEST_CASE(appending_writes_of_any_size_arrive_in_call_order) {
  const Storage storage{StorageKind::buffered_file, 0};
  const Fd fd = storage.open_again(O_RDWR | O_APPEND);
  std::mt19937 random{seed()};
  std::string expected;
  std::vector<Request> writes;
  for (int number = 0; number < 200; ++number) {
    const std::size_t size_bytes = random() % 20000;
    expected += pattern(size_bytes, 12345U * number);
    writes.push_back(Request::to_write(fd.get(), pattern(size_bytes, 12345U * number)));
    BOOST_REQUIRE(aio_write(writes.back()) == 0);
  }
  wait_all_done(writes);
  BOOST_TEST((storage.read(expected.size() + 1, 0) == expected));
}

// The flag is looked at when it matters, not when the descriptor is first seen.
BOOST_AUTO_TEST_CASE(O_APPEND_may_be_switched_on_between_requests) {
  const Storage storage{StorageKind::buffered_file, 100};
  const Request first = Request::to_write(storage.fd(), "first", 10);
  BOOST_REQUIRE(aio_write(first) == 0);
  BOOST_TEST(wait_done(first) == 0);
  BOOST_REQUIRE(::fcntl(storage.fd(), F_SETFL, O_APPEND) == 0);
  const Request second = Request::to_write(storage.fd(), "second", 10);
  BOOST_REQUIRE(aio_write(second) == 0);
  BOOST_TEST(wait_done(second) == 0);
  BOOST_TEST(storage.read(5, 10) == "first");
  BOOST_TEST(storage.read(100, 100) == "second");
}

BOOST_AUTO_TEST_CASE(O_NONBLOCK_may_be_switched_on_between_requests) {
  const Channel pipe{ChannelKind::pipe};
  const Request first = Request::to_read(pipe.reader(), 10);
  BOOST_REQUIRE(aio_read(first) == 0);
  pipe.send("text");
  BOOST_TEST(wait_done(first) == 0);
  pipe.set_nonblocking();
  const Request second = Request::to_read(pipe.reader(), 10);
  BOOST_REQUIRE(aio_read(second) == 0);
  BOOST_TEST(wait_done(second) == EAGAIN);
}

BOOST_DATA_TEST_CASE(O_NONBLOCK_may_be_switched_while_another_request_waits,
                     data::make(two_way_channel_kinds()), kind) {
  const Channel channel{kind};
  const Request waits = Request::to_read(channel.writer(), 10);
  BOOST_REQUIRE(aio_read(waits) == 0);
  BOOST_TEST(stays([&] { return in_progress(waits); }));
  channel.fill();
  channel.set_nonblocking();
  const Request write = Request::to_write(channel.writer(), "text");
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(wait_done(write) == EAGAIN);
  BOOST_TEST(in_progress(waits));
  BOOST_TEST(aio_cancel(channel.writer(), waits) == AIO_CANCELED);
}

BOOST_AUTO_TEST_CASE(reads_of_a_file_that_is_appended_to_are_not_held_up) {
  const Storage storage{StorageKind::buffered_file, 1 << 20};
  const Fd fd = storage.open_again(O_RDWR | O_APPEND);
  std::vector<Request> requests;
  for (int index = 0; index < 200; ++index) {
    requests.push_back(Request::to_write(fd.get(), numbered_block(index)));
    BOOST_REQUIRE(aio_write(requests.back()) == 0);
    requests.push_back(Request::to_read(fd.get(), 4096, 4096 * index));
    BOOST_REQUIRE(aio_read(requests.back()) == 0);
  }
  for (const Request& request : requests) {
    BOOST_TEST(wait_done(request) == 0);
    BOOST_TEST(aio_return(request) == 4096);
  }
}

BOOST_DATA_TEST_CASE(a_list_reads_and_writes_one_stream, data::make(two_way_channel_kinds()),
                     kind) {
  const Channel channel{kind};
  const Request read = Request::to_read(channel.writer(), 100);
  const Request write = Request::to_write(channel.writer(), "question");
  aiocb* const list[] = {read, write};
  BOOST_REQUIRE(lio_listio(LIO_NOWAIT, list, 2, nullptr) == 0);
  BOOST_TEST(channel.receive(100) == "question");
  BOOST_REQUIRE(::write(channel.reader(), "answer", 6) == 6);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(wait_done(write) == 0);
  BOOST_TEST(aio_return(read) == 6);
}

// One after the other, each takes what is there for it.
BOOST_DATA_TEST_CASE(reads_of_a_stream_take_turns_under_load,
                     data::make({ChannelKind::pipe, ChannelKind::stream_socket,
                                 ChannelKind::tcp_socket, ChannelKind::pty_slave}),
                     kind) {
  constexpr std::size_t total_bytes = 1 << 20;
  const Channel channel{kind};
  const Request write = Request::to_write(channel.writer(), pattern(total_bytes));
  BOOST_REQUIRE(aio_write(write) == 0);
  std::string received;
  while (received.size() < total_bytes) {
    std::vector<Request> reads;
    for (int index = 0; index < 8; ++index) {
      const std::size_t left = total_bytes - received.size();
      reads.push_back(Request::to_read(channel.reader(), std::min<std::size_t>(1000, left)));
      BOOST_REQUIRE(aio_read(reads.back()) == 0);
    }
    for (const Request& read : reads) {
      if (received.size() == total_bytes) {
        aio_cancel(channel.reader(), nullptr);
        break;
      }
      BOOST_REQUIRE(wait_done(read) == 0);
      const ssize_t count = aio_return(read);
      BOOST_REQUIRE(count > 0);
      received += read.text(static_cast<std::size_t>(count));
    }
  }
  BOOST_TEST(is_pattern(received));
  BOOST_TEST(wait_done(write) == 0);
}

BOOST_AUTO_TEST_CASE(a_low_priority_is_not_forgotten) {
  const Storage storage{StorageKind::buffered_file};
  const Request low = Request::to_write(storage.fd(), pattern(4096));
  low->aio_reqprio = 20;
  std::vector<Request> high;
  BOOST_REQUIRE(aio_write(low) == 0);
  for (int index = 0; index < 500; ++index) {
    high.push_back(Request::to_write(storage.fd(), pattern(4096), 4096 * (index % 256)));
    BOOST_REQUIRE(aio_write(high.back()) == 0);
  }
  BOOST_TEST(wait_done(low) == 0);
  wait_all_done(high);
}

BOOST_AUTO_TEST_SUITE_END()
