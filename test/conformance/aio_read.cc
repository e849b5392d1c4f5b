// SPDX-License-Identifier: MIT
// aio_read() of what has places: files and block devices.
#include "cases.h"

#include "support/seed.h"

#include <algorithm>
#include <random>
#include <sys/eventfd.h>

BOOST_AUTO_TEST_SUITE(reading)

namespace {

constexpr std::size_t file_bytes = 1 << 20;

std::vector<StorageKind> files() {
  auto kinds = storage_kinds();
  std::erase(kinds, StorageKind::loop_device);
  return kinds;
}

}  // namespace

BOOST_DATA_TEST_CASE(a_read_gives_the_bytes_from_its_offset, data::make(storage_kinds()), kind) {
  const Storage storage{kind, file_bytes};
  const Request read = Request::to_read(storage.fd(), 8192, 40960);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_return(read) == 8192);
  BOOST_TEST(is_pattern(read.text(8192), 40960));
}

BOOST_DATA_TEST_CASE(read_past_the_end_returns_zero, data::make(storage_kinds()), kind) {
  const Storage storage{kind, file_bytes};
  for (const std::size_t offset : {file_bytes, file_bytes * 4}) {
    const Request read = Request::to_read(storage.fd(), 4096, static_cast<off_t>(offset));
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_TEST(wait_done(read) == 0);
    BOOST_TEST(aio_return(read) == 0);
  }
}

BOOST_DATA_TEST_CASE(a_read_across_the_end_gives_what_is_there, data::make(storage_kinds()), kind) {
  const Storage storage{kind, file_bytes};
  const Request read = Request::to_read(storage.fd(), 16384, file_bytes - 4096);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_return(read) == 4096);
  BOOST_TEST(is_pattern(read.text(4096), file_bytes - 4096));
}

BOOST_DATA_TEST_CASE(the_end_may_lie_inside_a_block, data::make(files()), kind) {
  const Storage storage{kind, 10000};
  const Request read = Request::to_read(storage.fd(), 16384, 4096);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_return(read) == 10000 - 4096);
  BOOST_TEST(is_pattern(read.text(10000 - 4096), 4096));
}

BOOST_DATA_TEST_CASE(a_read_of_nothing_returns_zero, data::make(storage_kinds()), kind) {
  const Storage storage{kind, file_bytes};
  const Request read = Request::to_read(storage.fd(), 0);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_return(read) == 0);
}

BOOST_DATA_TEST_CASE(reading_does_not_move_the_descriptors_offset, data::make(storage_kinds()),
                     kind) {
  const Storage storage{kind, file_bytes};
  BOOST_REQUIRE(::lseek(storage.fd(), 12288, SEEK_SET) == 12288);
  const Request read = Request::to_read(storage.fd(), 4096, 8192);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(::lseek(storage.fd(), 0, SEEK_CUR) == 12288);
}

BOOST_DATA_TEST_CASE(a_large_read_is_never_short, data::make(storage_kinds()), kind) {
  constexpr std::size_t large_bytes = 16 << 20;
  const Storage storage{kind, large_bytes};
  const Request read = Request::to_read(storage.fd(), large_bytes);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_return(read) == large_bytes);
  BOOST_TEST(is_pattern(read.text(large_bytes)));
}

// A transfer that must not block stops at the first page that is not cached.
BOOST_AUTO_TEST_CASE(a_read_of_a_half_cached_file_is_never_short) {
  constexpr std::size_t large_bytes = 4 << 20;
  const TemporaryFile file{large_bytes};
  file.make_cold();
  const Fd fd = file.open(O_RDWR);
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_RANDOM);  // no read-ahead
  for (off_t offset = 0; offset < static_cast<off_t>(large_bytes); offset += 3 * 65536) {
    char byte;
    BOOST_REQUIRE(::pread(fd.get(), &byte, 1, offset) == 1);
  }
  const Request read = Request::to_read(fd.get(), large_bytes);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_return(read) == large_bytes);
  BOOST_TEST(is_pattern(read.text(large_bytes)));
}

BOOST_DATA_TEST_CASE(many_reads_at_once_each_get_their_bytes, data::make(storage_kinds()), kind) {
  const Storage storage{kind, file_bytes};
  std::mt19937 random{seed()};
  std::vector<Request> reads;
  for (int index = 0; index < 300; ++index) {
    const auto block = static_cast<off_t>(random() % (file_bytes / 4096 - 3));
    const std::size_t size_bytes = 4096 * (1 + random() % 4);
    reads.push_back(Request::to_read(storage.fd(), size_bytes, block * 4096));
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  for (const Request& read : reads) {
    BOOST_TEST(wait_done(read) == 0);
    BOOST_TEST(aio_return(read) == read->aio_nbytes);
    BOOST_TEST(is_pattern(read.text(read->aio_nbytes), read->aio_offset));
  }
}

BOOST_AUTO_TEST_CASE(a_file_that_is_not_cached_is_read) {
  const TemporaryFile file{file_bytes};
  file.make_cold();
  const Fd fd = file.open(O_RDONLY);
  std::vector<Request> reads;
  for (std::size_t offset = 0; offset < file_bytes; offset += 65536) {
    reads.push_back(Request::to_read(fd.get(), 65536, static_cast<off_t>(offset)));
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  for (const Request& read : reads) {
    BOOST_TEST(wait_done(read) == 0);
    BOOST_TEST(aio_return(read) == 65536);
    BOOST_TEST(is_pattern(read.text(65536), read->aio_offset));
  }
}

BOOST_AUTO_TEST_CASE(a_hole_reads_as_zeros) {
  for (const int flags : {O_RDWR, O_RDWR | O_DIRECT}) {
    const TemporaryFile file{0};
    BOOST_REQUIRE(::truncate(file.path().c_str(), file_bytes) == 0);
    const Fd fd = file.open(flags);
    const Request read = Request::to_read(fd.get(), 65536, 4096);
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_TEST(wait_done(read) == 0);
    BOOST_TEST(aio_return(read) == 65536);
    BOOST_TEST(std::ranges::count(read.text(65536), '\0') == 65536);
  }
}

BOOST_AUTO_TEST_CASE(dev_null_is_at_its_end) {
  const Fd null = open_path("/dev/null", O_RDWR);
  const Request read = Request::to_read(null.get(), 100);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_return(read) == 0);
}

BOOST_AUTO_TEST_CASE(dev_zero_gives_zeros) {
  const Fd zero = open_path("/dev/zero", O_RDWR);
  const Request read = Request::to_read(zero.get(), 100000, 5);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_return(read) == 100000);
  BOOST_TEST(std::ranges::count(read.text(100000), '\0') == 100000);
}

BOOST_AUTO_TEST_CASE(a_procfs_file_can_be_read) {
  const Fd version = open_path("/proc/version", O_RDONLY);
  char expected[1000];
  const ssize_t expected_bytes = ::pread(version.get(), expected, sizeof expected, 6);
  BOOST_REQUIRE(expected_bytes > 0);
  const Request read = Request::to_read(version.get(), sizeof expected, 6);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_REQUIRE(aio_return(read) == expected_bytes);
  BOOST_TEST(read.text(expected_bytes) == std::string_view(expected, expected_bytes));
}

BOOST_AUTO_TEST_CASE(an_eventfd_gives_its_counter) {
  const Fd event = make_eventfd(7);
  const Request read = Request::to_read(event.get(), 8, 4711);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_return(read) == 8);
  BOOST_TEST(*reinterpret_cast<const std::uint64_t*>(read.data()) == 7);
}

BOOST_AUTO_TEST_CASE(an_eventfd_at_zero_is_waited_for) {
  const Fd event = make_eventfd();
  const Request read = Request::to_read(event.get(), 8);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(stays([&] { return in_progress(read); }));
  BOOST_REQUIRE(::eventfd_write(event.get(), 3) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_return(read) == 8);
  BOOST_TEST(*reinterpret_cast<const std::uint64_t*>(read.data()) == 3);
}

BOOST_AUTO_TEST_SUITE_END()
