// SPDX-License-Identifier: MIT
// close() while requests are in progress, and the number given to another file.
// glibc's queued requests write into that file.
#include "cases.h"

#include "support/child.h"
#include "support/late_memory.h"

#include <array>
#include <thread>

BOOST_AUTO_TEST_SUITE(descriptor_reuse)

namespace {

// Makes `number` mean another file from now on.
void become(int number, int other) { checked(::dup2(other, number), "dup2"); }

bool is_final(const aiocb* block) {
  return eventually([&] { return !in_progress(block); }, 1s);
}

}  // namespace

// In a process that has made no request yet: kaio needs descriptors of its own.
BOOST_AUTO_TEST_CASE(the_number_that_was_just_closed_does_not_become_ours, *without_sanitizer()) {
  const int result = support::run_in_child([] {
    for (int round = 0; round < 3; ++round) {
      Fd closed = open_path("/dev/null", O_RDWR);
      const int number = closed.get();
      closed.close();
      const Request read = Request::to_read(number, 8);
      if (aio_read(read) != 0) return 1;
      const aiocb* list[] = {read};
      const timespec limit{1, 0};
      if (aio_suspend(list, 1, &limit) != 0) return 2;
      if (aio_error(read) != EBADF) return 3;
      // A sleeper makes one more, and a terminal that waits two.
      const Channel channel{round == 0 ? ChannelKind::pipe : ChannelKind::pty_master};
      const Request waiting = Request::to_read(channel.reader(), 8);
      const timespec shortly{0, 1'000'000};
      const aiocb* others[] = {waiting};
      if (aio_read(waiting) != 0 || aio_suspend(others, 1, &shortly) == 0) return 4;
      channel.send("x");
      if (wait_done(waiting) != 0) return 5;
    }
    return 0;
  });
  BOOST_TEST(result == 0);
}

BOOST_DATA_TEST_CASE(what_the_kernel_holds_completes_after_close, data::make(storage_kinds()),
                     kind) {
  const Storage storage{kind};
  for (int round = 0; round < 20; ++round) {
    Fd fd = storage.open_again(O_RDWR);
    const Request read = Request::to_read(fd.get(), 4096, 4096 * round);
    BOOST_REQUIRE(aio_read(read) == 0);
    fd.close();
    const int status = wait_done(read);
    // One that was still ours has no file any more.
    BOOST_TEST((status == 0 || status == EBADF || status == ECANCELED));
    if (status == 0) BOOST_TEST(is_pattern(read.text(4096), 4096 * round));
  }
}

BOOST_DATA_TEST_CASE(queued_writes_do_not_reach_the_file_that_gets_the_number,
                     data::make({ChannelKind::pipe, ChannelKind::stream_socket,
                                 ChannelKind::tcp_socket, ChannelKind::pty_master}),
                     kind) {
  Channel channel{kind};
  const Storage innocent{StorageKind::buffered_file, 0};
  const int number = channel.writer();
  std::vector<Request> writes;
  writes.push_back(Request::to_write(number, pattern(16 << 20)));
  for (int index = 0; index < 10; ++index)
    writes.push_back(Request::to_write(number, "must not get there"));
  for (const Request& write : writes) BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(stays([&] { return in_progress(writes.front()); }));
  become(number, innocent.fd());
  // Makes room, which wakes whoever waits for it.
  char part[65536];
  ::fcntl(channel.reader(), F_SETFL, O_NONBLOCK);
  const auto drained = [&] {
    while (::read(channel.reader(), part, sizeof part) > 0) {
    }
    return !in_progress(writes.back());
  };
  eventually(drained, 2s);
  channel.close_reader();
  BOOST_TEST(innocent.read(100, 0) == "");
  for (const Request& write : writes) {
    if (!is_final(write)) aio_cancel(number, write);
    BOOST_TEST(is_final(write));
  }
  BOOST_TEST(innocent.read(100, 0) == "");
}

BOOST_DATA_TEST_CASE(queued_reads_do_not_take_from_the_stream_that_gets_the_number,
                     data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  const Channel innocent{kind};
  const int number = channel.reader();
  std::vector<Request> reads;
  for (int index = 0; index < 5; ++index) {
    reads.push_back(Request::to_read(number, 10));
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  BOOST_TEST(stays([&] { return in_progress(reads.front()); }, 20ms));
  innocent.send("not for you");
  become(number, innocent.reader());
  // The old stream may be gone already.
  const SignalHandler handler{SIGPIPE, [](int) {}};
  [[maybe_unused]] const ssize_t ignored = ::write(channel.writer(), "text", 4);
  std::this_thread::sleep_for(a_while);
  aio_cancel(number, nullptr);
  for (const Request& read : reads) BOOST_TEST(is_final(read));
  BOOST_TEST(innocent.receive(100) == "not for you");
}

BOOST_DATA_TEST_CASE(the_new_descriptor_works_at_once, data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  const Channel next{kind};
  const Storage storage{StorageKind::buffered_file};
  const int number = channel.reader();
  const Request old = Request::to_read(number, 10);
  BOOST_REQUIRE(aio_read(old) == 0);
  become(number, storage.fd());
  for (const Direction direction : both_directions()) {
    const Request request = Request::to_read(number, 4096, 8192);
    BOOST_REQUIRE(submit(direction, request) == 0);
    BOOST_TEST(wait_done(request) == 0);
    BOOST_TEST(aio_return(request) == 4096);
  }
  BOOST_TEST(is_pattern(storage.read(4096, 8192), 8192) == false);
  become(number, next.reader());
  aio_cancel(number, old);  // it may have ended by itself
  BOOST_TEST(is_final(old));
  const Request read = Request::to_read(number, 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(stays([&] { return in_progress(read); }, 20ms));
  next.send("text");
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_return(read) == 4);
}

// What is known of a number is of the file that it was, as long as that has requests.
BOOST_AUTO_TEST_CASE(reads_of_a_file_beside_those_of_the_one_that_had_the_number_before) {
  constexpr std::size_t size_bytes = 16 << 20;
  constexpr std::size_t part_bytes = 1 << 20;
  const support::TemporaryFile before{size_bytes};
  const support::TemporaryFile after{size_bytes};
  for (int round = 0; round < 20; ++round) {
    before.make_cold();
    after.make_cold();
    Fd fd = before.open(O_RDONLY);
    std::vector<Request> old;
    for (off_t offset = 0; offset < off_t{size_bytes}; offset += part_bytes) {
      old.push_back(Request::to_read(fd.get(), part_bytes, offset));
      BOOST_REQUIRE(aio_read(old.back()) == 0);
    }
    const Fd other = after.open(O_RDONLY);
    become(fd.get(), other.get());
    std::vector<Request> reads;
    for (off_t offset = 0; offset < off_t{size_bytes}; offset += part_bytes) {
      reads.push_back(Request::to_read(fd.get(), part_bytes, offset));
      BOOST_REQUIRE(aio_read(reads.back()) == 0);
    }
    for (const Request& read : reads) {
      BOOST_TEST(wait_done(read) == 0);
      BOOST_TEST(aio_return(read) == ssize_t{part_bytes});
    }
    for (const Request& read : old) {
      const int status = wait_done(read);
      BOOST_TEST((status == 0 || status == ECANCELED));  // some never came to be read
    }
  }
}

BOOST_AUTO_TEST_CASE(a_list_of_writes_beside_reads_of_the_file_that_had_the_number_before) {
  constexpr std::size_t size_bytes = 16 << 20;
  const support::TemporaryFile before{size_bytes};
  const support::TemporaryFile after{0};
  for (int round = 0; round < 20; ++round) {
    before.make_cold();
    Fd fd = before.open(O_RDWR);
    std::vector<Request> old;
    for (std::size_t offset = 0; offset < size_bytes; offset += size_bytes / 16) {
      old.push_back(Request::to_read(fd.get(), size_bytes / 16, static_cast<off_t>(offset)));
      BOOST_REQUIRE(aio_read(old.back()) == 0);
    }
    const Fd other = after.open(O_RDWR);
    become(fd.get(), other.get());
    std::vector<Request> writes;
    for (off_t offset = 0; offset < 64 * 4096; offset += 4096)
      writes.push_back(Request::to_write(fd.get(), pattern(4096), offset));
    const std::vector<aiocb*> list = list_of(writes);
    BOOST_REQUIRE(lio_listio(LIO_NOWAIT, list.data(), 64, nullptr) == 0);
    for (const Request& write : writes) {
      BOOST_TEST(wait_done(write) == 0);
      BOOST_TEST(aio_return(write) == 4096);
    }
    wait_all_done(old);
  }
}

BOOST_TEST_DECORATOR(*with_late_memory())
BOOST_AUTO_TEST_CASE(a_write_does_not_wait_for_one_of_the_file_that_had_the_number_before) {
  const Storage before{StorageKind::buffered_file};
  const Storage after{StorageKind::buffered_file, 0};
  Fd fd = before.open_again(O_RDWR);
  LateMemory late{4096};
  const Request old = write_that_waits(fd.get(), late);
  become(fd.get(), after.fd());
  const Request write = Request::to_write(fd.get(), pattern(4096));
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(wait_done(write) == 0);
  BOOST_TEST(in_progress(old));
  late.arrive(pattern(4096));
  BOOST_TEST(wait_done(old) == 0);
  BOOST_TEST(is_pattern(after.read(4096, 0)));
}

BOOST_AUTO_TEST_CASE(a_number_that_was_a_stream_may_become_a_file_and_back) {
  for (int round = 0; round < 200; ++round) {
    const Channel pipe{ChannelKind::pipe};
    const Request read = Request::to_read(pipe.reader(), 10);
    BOOST_REQUIRE(aio_read(read) == 0);
    pipe.send("text");
    BOOST_REQUIRE(wait_done(read) == 0);
    const Fd zero = open_path(round % 2 == 0 ? "/dev/zero" : "/proc/version", O_RDONLY);
    become(pipe.reader(), zero.get());
    const Request other = Request::to_read(pipe.reader(), 10, 3);
    BOOST_REQUIRE(aio_read(other) == 0);
    BOOST_REQUIRE(wait_done(other) == 0);
    BOOST_REQUIRE(aio_return(other) == 10);
  }
}

// A file's transfers have places, and a stream's have none.
BOOST_DATA_TEST_CASE(a_file_that_gets_the_number_of_a_stream_is_written_and_read_at_its_places,
                     data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  const Storage storage{StorageKind::buffered_file, 65536};
  const Request waiting = Request::to_read(channel.reader(), 10);
  BOOST_REQUIRE(aio_read(waiting) == 0);
  BOOST_REQUIRE(aio_error(waiting) == EINPROGRESS);
  become(channel.reader(), storage.fd());
  const Request write = Request::to_write(channel.reader(), pattern(4096), 16384);
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_REQUIRE(wait_done(write) == 0);
  const Request read = Request::to_read(channel.reader(), 4096, 16384);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_REQUIRE(wait_done(read) == 0);
  BOOST_TEST(read.text(4096) == pattern(4096));
  BOOST_TEST(storage.read(4096, 16384) == pattern(4096));
  aio_cancel(channel.reader(), nullptr);
}

// Nothing is noted of a file whose reads all go straight into the ring.
BOOST_AUTO_TEST_CASE(a_read_at_the_end_of_a_direct_file_does_not_go_on_in_another_one) {
  const Storage before{StorageKind::direct_file, 12288};
  const Storage after{StorageKind::direct_file, 65536};
  const Request others = Request::to_write(after.fd(), pattern(65536, 0, 1));
  BOOST_REQUIRE(aio_write(others) == 0);
  BOOST_REQUIRE(wait_done(others) == 0);
  for (int round = 0; round < 50; ++round) {
    Fd fd = before.open_again(O_RDWR | O_DIRECT);
    const Request read = Request::to_read(fd.get(), 32768);
    BOOST_REQUIRE(aio_read(read) == 0);
    become(fd.get(), after.fd());
    const int status = wait_done(read);
    // One that had not begun has no file any more.
    BOOST_TEST((status == 0 || status == ECANCELED));
    const ssize_t result = aio_return(read);
    if (status != 0) {
      BOOST_TEST(result == -1);
    } else if (result == 32768) {
      // A thread had compared the number, and was about to read: all is the other file's.
      BOOST_TEST(is_pattern(read.text(32768), 0, 1));
    } else {
      BOOST_TEST(result == 12288);
      BOOST_TEST(is_pattern(read.text(12288)));
    }
  }
}

// They are handed what other threads' requests are answered, mostly before the call that made the
// request has returned.
class BusyReapers {
 public:
  explicit BusyReapers(int fd) {
    for (std::jthread& thread : threads_)
      thread = std::jthread([fd](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          const Request read = Request::to_read(fd, 4096);
          if (aio_read(read) == 0) wait_done(read);
        }
      });
  }

 private:
  std::array<std::jthread, 2> threads_;
};

BOOST_AUTO_TEST_CASE(a_new_file_with_the_number_of_a_stream_is_its_own_whoever_takes_the_answers) {
  const Storage storage{StorageKind::buffered_file, 65536};
  const Storage busy{StorageKind::direct_file};
  const BusyReapers reapers{busy.fd()};
  for (int round = 0; round < 300; ++round) {
    const Channel pipe{ChannelKind::pipe};
    const Request waiting = Request::to_read(pipe.reader(), 10);
    BOOST_REQUIRE(aio_read(waiting) == 0);
    become(pipe.reader(), storage.fd());
    const Request write = Request::to_write(pipe.reader(), pattern(4096), 16384);
    BOOST_REQUIRE(aio_write(write) == 0);
    BOOST_REQUIRE(wait_done(write) == 0);
    aio_cancel(pipe.reader(), nullptr);
  }
}

BOOST_AUTO_TEST_CASE(a_new_file_with_the_number_of_a_file_is_its_own_whoever_takes_the_answers) {
  constexpr std::size_t size = 128 * 1024;
  const Storage before{StorageKind::direct_file, 32 * size};
  const Storage after{StorageKind::buffered_file, 0};
  const Storage busy{StorageKind::direct_file};
  const BusyReapers reapers{busy.fd()};
  std::vector<Request> old;
  for (int index = 0; index < 32; ++index)
    old.push_back(Request::to_read(before.fd(), size, index * size));
  const std::vector<aiocb*> list = list_of(old);
  // Each a number of its own, as it is remembered of a number that its writes block.
  std::vector<Fd> used;
  for (int round = 0; round < 50; ++round) {
    used.push_back(before.open_again(O_RDWR | O_DIRECT));
    const int fd = used.back().get();
    for (Request& read : old) read->aio_fildes = fd;
    // By a list, which has it noted what the descriptor is.
    BOOST_REQUIRE(lio_listio(LIO_NOWAIT, list.data(), static_cast<int>(list.size()), nullptr) == 0);
    become(fd, after.fd());
    // It extends the file, which the kernel does not do without waiting.
    const Request write = Request::to_write(fd, pattern(4096), 4096 * round);
    BOOST_REQUIRE(aio_write(write) == 0);
    BOOST_REQUIRE(wait_done(write) == 0);
    wait_all_done(old);
    for (Request& read : old) aio_return(read);
  }
}

BOOST_DATA_TEST_CASE(a_queued_request_of_a_closed_descriptor_ends, data::make(channel_kinds()),
                     kind) {
  Channel channel{kind};
  std::vector<Request> reads;
  for (int index = 0; index < 3; ++index) {
    reads.push_back(Request::to_read(channel.reader(), 10));
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  channel.close_reader();
  if (kind != ChannelKind::pty_slave) {  // a write to that master may have nobody to take it
    const SignalHandler handler{SIGPIPE, [](int) {}};
    [[maybe_unused]] const ssize_t ignored = ::write(channel.writer(), "text", 4);
  }
  channel.close_writer();  // everything that it could wait for is gone
  for (const Request& read : reads) BOOST_TEST(is_final(read));
}

BOOST_AUTO_TEST_SUITE_END()
