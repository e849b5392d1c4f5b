// SPDX-License-Identifier: MIT
// aio_write() to what has places: files and block devices.
#include "cases.h"

#include "support/late_memory.h"
#include "support/limit.h"

#include <atomic>
#include <sys/mman.h>
#include <sys/stat.h>

BOOST_AUTO_TEST_SUITE(writing)

namespace {

constexpr std::size_t file_bytes = 1 << 20;

std::vector<StorageKind> files() {
  auto kinds = storage_kinds();
  std::erase(kinds, StorageKind::loop_device);
  return kinds;
}

off_t size_of(int fd) {
  struct stat attributes;
  checked(::fstat(fd, &attributes), "fstat");
  return attributes.st_size;
}

// Those whose writes need a thread.
std::vector<StorageKind> cached_files() {
  auto kinds = files();
  std::erase(kinds, StorageKind::direct_file);
  return kinds;
}

std::uint64_t threads_now() {
  kaio_statistics statistics;
  BOOST_REQUIRE(kaio_get_statistics(&statistics, sizeof statistics) == 0);
  return statistics.threads;
}

std::atomic<int> file_size_signals;

// The first write to a file system finds out how it locks.
void make_known(int fd) {
  const Request write = Request::to_write(fd, pattern(4096, 0, 0));
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_REQUIRE(wait_done(write) == 0);
}

}  // namespace

BOOST_DATA_TEST_CASE(a_write_goes_to_its_offset_and_nowhere_else, data::make(storage_kinds()),
                     kind) {
  const Storage storage{kind, file_bytes};
  const Request write = Request::to_write(storage.fd(), pattern(8192, 0, 1), 40960);
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(wait_done(write) == 0);
  BOOST_TEST(aio_return(write) == 8192);
  BOOST_TEST(is_pattern(storage.read(8192, 40960), 0, 1));
  BOOST_TEST(is_pattern(storage.read(40960, 0), 0));
  BOOST_TEST(is_pattern(storage.read(file_bytes - 49152, 49152), 49152));
}

BOOST_DATA_TEST_CASE(writing_does_not_move_the_descriptors_offset, data::make(storage_kinds()),
                     kind) {
  const Storage storage{kind, file_bytes};
  BOOST_REQUIRE(::lseek(storage.fd(), 12288, SEEK_SET) == 12288);
  const Request write = Request::to_write(storage.fd(), pattern(4096), 8192);
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(wait_done(write) == 0);
  BOOST_TEST(::lseek(storage.fd(), 0, SEEK_CUR) == 12288);
}

BOOST_DATA_TEST_CASE(a_write_of_nothing_returns_zero, data::make(files()), kind) {
  const Storage storage{kind, 4096};
  const Request write = Request::to_write(storage.fd(), "", 8192);
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(wait_done(write) == 0);
  BOOST_TEST(aio_return(write) == 0);
  BOOST_TEST(size_of(storage.fd()) == 4096);
}

BOOST_DATA_TEST_CASE(a_write_past_the_end_extends_the_file, data::make(files()), kind) {
  const Storage storage{kind, 4096};
  const Request write = Request::to_write(storage.fd(), pattern(8192, 0, 1), 65536);
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(wait_done(write) == 0);
  BOOST_TEST(aio_return(write) == 8192);
  BOOST_TEST(size_of(storage.fd()) == 65536 + 8192);
  BOOST_TEST(is_pattern(storage.read(8192, 65536), 0, 1));
  BOOST_TEST(storage.read(61440, 4096) == std::string(61440, '\0'));
}

BOOST_DATA_TEST_CASE(many_writes_that_extend_a_file_all_arrive, data::make(files()), kind) {
  const Storage storage{kind, 0};
  std::vector<Request> writes;
  for (std::size_t offset = 0; offset < file_bytes; offset += 4096) {
    writes.push_back(
        Request::to_write(storage.fd(), pattern(4096, offset), static_cast<off_t>(offset)));
    BOOST_REQUIRE(aio_write(writes.back()) == 0);
  }
  for (const Request& write : writes) {
    BOOST_TEST(wait_done(write) == 0);
    BOOST_TEST(aio_return(write) == 4096);
  }
  BOOST_TEST(is_pattern(storage.read(file_bytes, 0)));
}

// The kernel does the writes of a file one after the other, as each holds its lock: more
// threads would only wait for each other.
BOOST_TEST_DECORATOR(*with_late_memory())
BOOST_DATA_TEST_CASE(writes_that_wait_for_their_file_occupy_one_thread, data::make(cached_files()),
                     kind) {
  const Storage storage{kind, file_bytes};
  make_known(storage.fd());
  LateMemory late{4096};
  const auto before = threads_now();
  const Request first = write_that_waits(storage.fd(), late);
  std::vector<Request> others;
  for (unsigned index = 1; index <= 20; ++index) {
    others.push_back(Request::to_write(storage.fd(), pattern(4096, 0, index), page_bytes * index));
    BOOST_REQUIRE(aio_write(others.back()) == 0);
  }
  // That one, one that is ready, and the reaper.
  BOOST_TEST(stays([&] { return threads_now() <= before + 3; }));
  BOOST_TEST(in_progress(first));
  late.arrive(pattern(4096, 0, 0));
  BOOST_TEST(wait_done(first) == 0);
  wait_all_done(others);
  for (unsigned index = 0; index <= 20; ++index)
    BOOST_TEST(is_pattern(storage.read(4096, page_bytes * index), 0, index));
}

BOOST_TEST_DECORATOR(*with_late_memory())
BOOST_DATA_TEST_CASE(a_write_that_waits_for_its_file_can_be_cancelled, data::make(cached_files()),
                     kind) {
  const Storage storage{kind, file_bytes};
  make_known(storage.fd());
  LateMemory late{4096};
  const Request first = write_that_waits(storage.fd(), late);
  std::vector<Request> others;
  for (unsigned index = 1; index <= 5; ++index) {
    others.push_back(Request::to_write(storage.fd(), pattern(4096, 0, 1), page_bytes * index));
    BOOST_REQUIRE(aio_write(others.back()) == 0);
  }
  BOOST_TEST(aio_cancel(storage.fd(), others[2]) == AIO_CANCELED);
  BOOST_TEST(aio_error(others[2]) == ECANCELED);
  BOOST_TEST(in_progress(others[3]));
  BOOST_TEST(aio_cancel(storage.fd(), nullptr) == AIO_NOTCANCELED);
  for (const Request& other : others) BOOST_TEST(aio_error(other) == ECANCELED);
  BOOST_TEST(in_progress(first));
  late.arrive(pattern(4096, 0, 1));
  BOOST_TEST(wait_done(first) == 0);
  BOOST_TEST(is_pattern(storage.read(4096, 0), 0, 1));
  BOOST_TEST(is_pattern(storage.read(file_bytes - 4096, 4096), 4096));
}

BOOST_DATA_TEST_CASE(a_large_write_is_never_short, data::make(storage_kinds()), kind) {
  constexpr std::size_t large_bytes = 16 << 20;
  const Storage storage{kind, large_bytes};
  const Request write = Request::to_write(storage.fd(), pattern(large_bytes, 0, 1));
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(wait_done(write) == 0);
  BOOST_TEST(aio_return(write) == large_bytes);
  BOOST_TEST(is_pattern(storage.read(large_bytes, 0), 0, 1));
}

BOOST_DATA_TEST_CASE(a_synchronous_descriptor_can_be_written, data::make(files()), kind) {
  const Storage storage{kind, file_bytes};
  for (const int flags : {O_SYNC, O_DSYNC}) {
    const Fd fd = storage.open_again(O_RDWR | flags);
    const Request write = Request::to_write(fd.get(), pattern(4096, 0, 1), 4096);
    BOOST_REQUIRE(aio_write(write) == 0);
    BOOST_TEST(wait_done(write) == 0);
    BOOST_TEST(aio_return(write) == 4096);
    BOOST_TEST(is_pattern(storage.read(4096, 4096), 0, 1));
  }
}

BOOST_AUTO_TEST_CASE(a_block_device_is_full_at_its_end, *with_loop_devices()) {
  const Storage device{StorageKind::loop_device, file_bytes};
  const Request write = Request::to_write(device.fd(), pattern(4096), file_bytes);
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(wait_done(write) == ENOSPC);
  BOOST_TEST(aio_return(write) == -1);
}

BOOST_AUTO_TEST_CASE(dev_full_says_ENOSPC) {
  const Fd full = open_path("/dev/full", O_RDWR);
  const Request write = Request::to_write(full.get(), "x");
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(wait_done(write) == ENOSPC);
  BOOST_TEST(aio_return(write) == -1);
}

BOOST_AUTO_TEST_CASE(dev_null_and_dev_zero_take_everything) {
  for (const char* path : {"/dev/null", "/dev/zero"}) {
    const Fd fd = open_path(path, O_RDWR);
    const Request write = Request::to_write(fd.get(), pattern(100000), 5);
    BOOST_REQUIRE(aio_write(write) == 0);
    BOOST_TEST(wait_done(write) == 0);
    BOOST_TEST(aio_return(write) == 100000);
  }
}

BOOST_AUTO_TEST_CASE(an_eventfd_is_added_to) {
  const Fd event = make_eventfd(2);
  const std::uint64_t five = 5;
  const Request write =
      Request::to_write(event.get(), {reinterpret_cast<const char*>(&five), sizeof five}, 99);
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(wait_done(write) == 0);
  BOOST_TEST(aio_return(write) == 8);
  std::uint64_t value = 0;
  BOOST_REQUIRE(::read(event.get(), &value, sizeof value) == sizeof value);
  BOOST_TEST(value == 7);
}

BOOST_AUTO_TEST_CASE(a_sealed_memory_file_says_EPERM) {
  const Fd file{checked(::memfd_create("kaio-test", MFD_CLOEXEC | MFD_ALLOW_SEALING), "memfd")};
  BOOST_REQUIRE(::fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE) == 0);
  const Request write = Request::to_write(file.get(), "x");
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(wait_done(write) == EPERM);
  BOOST_TEST(aio_return(write) == -1);
}

// A write() past the limit sends SIGXFSZ, which kills by default, to the thread
// that made it. glibc's threads have it blocked.
BOOST_DATA_TEST_CASE(past_the_file_size_limit_says_EFBIG_without_a_signal,
                     data::make({StorageKind::buffered_file, StorageKind::direct_file,
                                 StorageKind::tmpfs_file}),
                     kind) {
  const Storage storage{kind, 4096};
  const SignalHandler handler{SIGXFSZ, [](int) { ++file_size_signals; }};
  file_size_signals = 0;
  const Limit limit{RLIMIT_FSIZE, 65536};
  const Request write = Request::to_write(storage.fd(), pattern(4096), 65536);
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(wait_done(write) == EFBIG);
  BOOST_TEST(aio_return(write) == -1);
  BOOST_TEST(file_size_signals == 0);
}

BOOST_AUTO_TEST_CASE(past_the_largest_file_says_EFBIG) {
  const TemporaryFile file{4096};
  for (const int flags : {O_RDWR, O_RDWR | O_DIRECT}) {
    const Fd fd = file.open(flags);
    const Request write = Request::to_write(fd.get(), pattern(4096), 1L << 62);
    BOOST_REQUIRE(aio_write(write) == 0);
    BOOST_TEST(wait_done(write) == EFBIG);
    BOOST_TEST(aio_return(write) == -1);
  }
}

BOOST_AUTO_TEST_SUITE_END()
