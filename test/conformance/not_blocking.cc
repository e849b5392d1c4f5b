// SPDX-License-Identifier: MIT
// A call never blocks on I/O. Times are compared with those of the I/O itself,
// and have slack for a machine that does other things too.
#include "cases.h"

#include <algorithm>
#include <cstdio>

BOOST_AUTO_TEST_SUITE(not_blocking)

namespace {

const Duration at_once = (sanitized ? 500ms : 100ms) * slowness();

// How long this thread has been ready to run, and had no processor. 0 where the kernel does not
// tell.
Duration time_without_processor() {
  const Fd fd{::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC)};
  char text[80]{};
  unsigned long long run_ns = 0, ready_ns = 0;
  if (::read(fd.get(), text, sizeof text - 1) <= 0 ||
      std::sscanf(text, "%llu %llu", &run_ns, &ready_ns) != 2)
    return {};
  return std::chrono::nanoseconds{ready_ns};
}

// What a call takes by itself: of thousands some lose their processor to other programs, for
// longer than a disk takes.
template <class Call>
Duration time_of_call(const Call& call) {
  const Duration before = time_without_processor();
  const Duration whole = time_of(call);
  return whole - (time_without_processor() - before);
}

Duration median(std::vector<Duration> times) {
  std::ranges::nth_element(times, times.begin() + times.size() / 2);
  return times[times.size() / 2];
}

}  // namespace

BOOST_DATA_TEST_CASE(a_read_of_an_empty_stream_does_not_block_the_caller,
                     data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  std::vector<Request> reads;
  for (int index = 0; index < 30; ++index) {
    reads.push_back(Request::to_read(channel.reader(), 100));
    int result = -1;
    const Duration time = time_of_call([&] { result = aio_read(reads.back()); });
    BOOST_REQUIRE(result == 0);
    BOOST_TEST((time < at_once));
  }
  BOOST_TEST(aio_cancel(channel.reader(), nullptr) == AIO_CANCELED);
}

BOOST_DATA_TEST_CASE(a_write_to_a_full_stream_does_not_block_the_caller,
                     data::make({ChannelKind::pipe, ChannelKind::stream_socket,
                                 ChannelKind::pty_master, ChannelKind::pty_slave}),
                     kind) {
  Channel channel{kind};
  const Request write = Request::to_write(channel.writer(), pattern(8 << 20));
  int result = -1;
  const Duration time = time_of_call([&] { result = aio_write(write); });
  BOOST_REQUIRE(result == 0);
  BOOST_TEST((time < at_once));
  for (std::size_t received = 0; received < (8 << 20);) received += channel.receive(65536).size();
  BOOST_TEST(wait_done(write) == 0);
}

BOOST_AUTO_TEST_CASE(a_read_of_a_cold_file_does_not_block_the_caller) {
  constexpr std::size_t large_bytes = 128 << 20;
  const TemporaryFile file{large_bytes};
  file.make_cold();
  const Fd fd = file.open(O_RDONLY);
  const Request read = Request::to_read(fd.get(), large_bytes);
  int result = -1;
  const Duration time = time_of_call([&] { result = aio_read(read); });
  const Duration rest = time_of([&] { wait_done(read); });
  BOOST_REQUIRE(result == 0);
  BOOST_TEST((time < at_once));
  BOOST_TEST((time < rest));
  BOOST_TEST(aio_error(read) == 0);
  BOOST_TEST(aio_return(read) == large_bytes);
}

BOOST_AUTO_TEST_CASE(reads_of_cold_pages_do_not_block_the_caller) {
  constexpr std::size_t file_bytes = 64 << 20;
  const TemporaryFile file{file_bytes};
  file.make_cold();
  const Fd fd = file.open(O_RDONLY);
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_RANDOM);
  std::vector<Request> reads;
  std::vector<Duration> times;
  for (std::size_t offset = 0; offset < file_bytes; offset += 256 << 10) {
    reads.push_back(Request::to_read(fd.get(), 65536, static_cast<off_t>(offset)));
    int result = -1;
    times.push_back(time_of_call([&] { result = aio_read(reads.back()); }));
    BOOST_REQUIRE(result == 0);
  }
  wait_all_done(reads);
  BOOST_TEST((median(times) < (sanitized ? 5ms : 500us)));
  BOOST_TEST((std::ranges::max(times) < at_once));
}

// Of what is cached only a little is copied in the call: it takes less than half of what
// plain reads of the same bytes take. A host may stop this machine at any moment, and its
// processor's time goes on, so the least of some rounds counts.
BOOST_AUTO_TEST_CASE(cached_data_of_any_size_is_not_copied_in_the_call) {
  constexpr std::size_t file_bytes = 64 << 20;
  constexpr std::size_t part_bytes = 64 << 10;
  constexpr int rounds = 5;
  const TemporaryFile file{file_bytes};
  const Fd fd = file.open(O_RDONLY);
  const auto processor_time_of = [](const auto& action) {
    const auto used = [] {
      timespec now{};
      ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
      return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
    };
    const auto before = used();
    action();
    return Duration{used() - before};
  };

  const Request whole = Request::to_read(fd.get(), file_bytes);
  std::vector<Request> parts;
  for (std::size_t offset = 0; offset < file_bytes; offset += part_bytes) {
    parts.push_back(Request::to_read(fd.get(), part_bytes, static_cast<off_t>(offset)));
    parts.back()->aio_lio_opcode = LIO_READ;
  }
  const std::vector<aiocb*> list = list_of(parts);

  std::vector<Duration> plain, in_one, in_list;
  for (int round = 0; round < rounds; ++round) {
    plain.push_back(processor_time_of([&] {
      for (const aiocb* const part : list)
        BOOST_REQUIRE(::pread(fd.get(), const_cast<void*>(part->aio_buf), part_bytes,
                              part->aio_offset) == part_bytes);
    }));

    in_one.push_back(processor_time_of([&] { BOOST_REQUIRE(aio_read(whole) == 0); }));
    BOOST_REQUIRE(wait_done(whole) == 0);
    BOOST_REQUIRE(aio_return(whole) == file_bytes);

    in_list.push_back(processor_time_of([&] {
      BOOST_REQUIRE(lio_listio(LIO_NOWAIT, list.data(), static_cast<int>(list.size()), nullptr) ==
                    0);
    }));
    wait_all_done(parts);
    for (const Request& part : parts) BOOST_REQUIRE(aio_return(part) == part_bytes);
  }
  const Duration copying = std::ranges::min(plain);
  BOOST_TEST((std::ranges::min(in_one) < copying / 2),
             std::ranges::min(in_one) / 1us << " us of " << copying / 1us);
  // Where each instruction is translated, or checked, a thousand requests take longer than
  // copying does.
  if (!sanitized && slowness() == 1)
    BOOST_TEST((std::ranges::min(in_list) < copying / 2),
               std::ranges::min(in_list) / 1us << " us of " << copying / 1us);
}

BOOST_DATA_TEST_CASE(a_write_that_extends_a_file_does_not_block_the_caller,
                     data::make({O_RDWR, O_RDWR | O_DIRECT, O_RDWR | O_DSYNC}), flags) {
  constexpr std::size_t large_bytes = 64 << 20;
  const TemporaryFile file{0};
  const Fd fd = file.open(flags);
  const Request write = Request::to_write(fd.get(), std::string(large_bytes, 'w'));
  int result = -1;
  const Duration time = time_of_call([&] { result = aio_write(write); });
  const Duration rest = time_of([&] { wait_done(write, 30s * slowness()); });
  BOOST_REQUIRE(result == 0);
  BOOST_TEST((time < at_once));
  BOOST_TEST((time < rest));
  BOOST_TEST(aio_error(write) == 0);
}

BOOST_DATA_TEST_CASE(more_requests_than_any_queue_holds_do_not_block_the_caller,
                     data::make(storage_kinds()), kind) {
  const Storage storage{kind, 8 << 20};
  std::vector<Request> reads;
  std::vector<Duration> times;
  for (int index = 0; index < 5000; ++index) {
    reads.push_back(Request::to_read(storage.fd(), 4096, 4096 * (index * 37 % 2048)));
    int result = -1;
    times.push_back(time_of_call([&] { result = aio_read(reads.back()); }));
    BOOST_REQUIRE(result == 0);
  }
  wait_all_done(reads);
  for (const Request& read : reads) BOOST_REQUIRE(aio_return(read) == 4096);
  BOOST_TEST((median(times) < (sanitized ? 5ms : 500us)));
  // One may have waited for a lock whose holder had lost its processor. And where the processor is
  // another machine's too, nobody tells how long that has it.
  BOOST_TEST(std::ranges::count_if(times, [](Duration time) { return time >= at_once; }) <=
             slowness());
}

BOOST_AUTO_TEST_CASE(aio_fsync_does_not_block_the_caller) {
  const TemporaryFile file{0};
  const Fd fd = file.open(O_RDWR);
  const std::string content(64 << 20, 'd');
  BOOST_REQUIRE(::pwrite(fd.get(), content.data(), content.size(), 0) > 0);
  const Request sync = Request::to_sync(fd.get());
  int result = -1;
  const Duration time = time_of_call([&] { result = aio_fsync(O_SYNC, sync); });
  const Duration rest = time_of([&] { wait_done(sync, 30s * slowness()); });
  BOOST_REQUIRE(result == 0);
  BOOST_TEST((time < at_once));
  BOOST_TEST((time < rest));
}

// 20 of them stop all file I/O of a program that uses glibc.
BOOST_AUTO_TEST_CASE(hundreds_of_reads_that_wait_do_not_hold_up_files) {
  const Storage storage{StorageKind::buffered_file};
  std::vector<Channel> channels;
  std::vector<Request> waiting;
  for (int index = 0; index < 300; ++index) {
    channels.emplace_back(channel_kinds()[index % 6]);
    waiting.push_back(Request::to_read(channels.back().reader(), 10));
    BOOST_REQUIRE(aio_read(waiting.back()) == 0);
  }
  for (const Direction direction : both_directions()) {
    const Request request = Request::to_read(storage.fd(), 4096);
    BOOST_REQUIRE(submit(direction, request) == 0);
    BOOST_TEST(wait_done(request, 5s * slowness()) == 0);
  }
  const Request sync = Request::to_sync(storage.fd());
  BOOST_REQUIRE(aio_fsync(O_SYNC, sync) == 0);
  BOOST_TEST(wait_done(sync, 5s * slowness()) == 0);
  for (const Request& read : waiting) {
    BOOST_TEST(in_progress(read));
    BOOST_TEST(aio_cancel(read->aio_fildes, read) == AIO_CANCELED);
  }
}

BOOST_AUTO_TEST_CASE(a_hundred_writes_that_wait_do_not_hold_up_files) {
  const Storage storage{StorageKind::buffered_file};
  std::vector<Channel> channels;
  std::vector<Request> waiting;
  for (int index = 0; index < 100; ++index) {
    channels.emplace_back(index % 2 == 0 ? ChannelKind::pipe : ChannelKind::stream_socket);
    waiting.push_back(Request::to_write(channels.back().writer(), std::string(1 << 20, 'w')));
    BOOST_REQUIRE(aio_write(waiting.back()) == 0);
  }
  const Request request = Request::to_read(storage.fd(), 4096);
  BOOST_REQUIRE(aio_read(request) == 0);
  BOOST_TEST(wait_done(request, 5s * slowness()) == 0);
  for (int index = 0; index < 100; ++index) {
    BOOST_TEST(in_progress(waiting[index]));
    channels[index].close_reader();  // lets it end
    wait_done(waiting[index]);
  }
}

BOOST_AUTO_TEST_SUITE_END()
