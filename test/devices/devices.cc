// SPDX-License-Identifier: MIT
// What holds for block devices and file systems of every kind.
#include "given_devices.h"
#include "network_block_device.h"

#include "support/deadline.h"
#include "support/loop_device.h"
#include "support/pattern.h"
#include "support/precondition.h"
#include "support/request.h"

#include <kaio/aio.h>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <optional>

using devices::block_bytes;
using devices::Device;
using devices::open_path;
using devices::where_there_is;
using support::Request;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(devices_of_every_kind)

namespace {

constexpr int depth = 32;
constexpr std::size_t region_bytes = depth * block_bytes * 2;

// All those that work, and a loop device, for as long as `use` runs.
template <class Use>
void for_each_good_device(Use use) {
  for (const Device& device : devices::with_role("good")) {
    BOOST_TEST_CONTEXT(device)
    use([&](int flags) { return open_path(device.path, flags); });
  }
  for (const Device& device : devices::with_role("nbd")) {
    const devices::NetworkBlockDevice served{device.path, 16 << 20};
    BOOST_TEST_CONTEXT(device)
    use([&](int flags) { return open_path(device.path, flags); });
  }
  if (support::loop_devices_exist()) {
    const support::LoopDevice loop{16 << 20};
    BOOST_TEST_CONTEXT("loop device")
    use([&](int flags) { return loop.open(flags); });
  }
}

std::string content_of(int block, int round) {
  return support::pattern(block_bytes, static_cast<std::uint64_t>(block * 7919 + round * 104729));
}

// In an order that is not that of the places.
off_t place_of(int block) { return static_cast<off_t>(block * 13 % (2 * depth)) * block_bytes; }

// So many requests at once, and then their results.
void write_region(const support::Fd& fd, int round) {
  std::vector<Request> writes;
  for (int block = 0; block < depth; ++block) {
    writes.push_back(Request::to_write(fd.get(), content_of(block, round), place_of(block)));
    BOOST_REQUIRE(aio_write(writes.back()) == 0);
  }
  for (const Request& write : writes) {
    BOOST_TEST(support::wait_done(write, 60s) == 0);
    BOOST_TEST(aio_return(write) == static_cast<ssize_t>(block_bytes));
  }
}

void read_region(const support::Fd& fd, int round) {
  std::vector<Request> reads;
  for (int block = 0; block < depth; ++block) {
    reads.push_back(Request::to_read(fd.get(), block_bytes, place_of(block)));
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  for (int block = 0; block < depth; ++block) {
    BOOST_TEST(support::wait_done(reads[block], 60s) == 0);
    BOOST_TEST(aio_return(reads[block]) == static_cast<ssize_t>(block_bytes));
    BOOST_TEST((reads[block].text(block_bytes) == content_of(block, round)), "block " << block);
  }
}

void sync_well(const support::Fd& fd) {
  const Request sync = Request::to_sync(fd.get());
  BOOST_REQUIRE(aio_fsync(O_SYNC, sync) == 0);
  BOOST_TEST(support::wait_done(sync, 60s) == 0);
}

int status_of(int (*call)(aiocb*), const Request& request) {
  if (call(request) != 0) return errno;
  const int status = support::wait_done(request, 60s);
  aio_return(request);
  return status;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_device_of_the_test_machine_could_be_made) {
  for (const Device& device : devices::with_role("missing"))
    BOOST_ERROR(device << ": there is no " << device.path);
  BOOST_TEST(true);
}

BOOST_AUTO_TEST_CASE(direct_io_at_depth_reads_what_was_written, *support::as_root()) {
  for_each_good_device([](auto open) {
    const support::Fd fd = open(O_RDWR | O_DIRECT);
    for (int round = 0; round < 3; ++round) {
      write_region(fd, round);
      read_region(fd, round);
    }
  });
}

BOOST_AUTO_TEST_CASE(buffered_writes_are_on_the_device_after_aio_fsync, *support::as_root()) {
  for_each_good_device([](auto open) {
    {
      const support::Fd buffered = open(O_RDWR);
      write_region(buffered, 5);
      read_region(buffered, 5);
      sync_well(buffered);
    }
    read_region(open(O_RDONLY | O_DIRECT), 5);
  });
}

// Pages in the cache are in the way of direct writes, which are refused to those that
// would not wait for them.
BOOST_AUTO_TEST_CASE(direct_writes_to_a_device_whose_pages_are_cached_all_succeed,
                     *support::as_root()) {
  for_each_good_device([](auto open) {
    const support::Fd buffered = open(O_RDONLY);
    std::string some(region_bytes, '\0');
    BOOST_REQUIRE(::pread(buffered.get(), some.data(), some.size(), 0) == region_bytes);
    const support::Fd direct = open(O_RDWR | O_DIRECT);
    write_region(direct, 6);
    read_region(direct, 6);
  });
}

BOOST_AUTO_TEST_CASE(files_of_each_file_system_grow_and_are_read, *where_there_is("directory")) {
  for (const Device& device : devices::with_role("directory")) {
    BOOST_TEST_CONTEXT(device) {
      for (const int flags : {0, O_DIRECT}) {
        const std::string path = device.path.substr(0, device.path.rfind('/')) + "/file";
        const support::Fd fd = open_path(path, O_RDWR | O_CREAT | O_TRUNC | flags);
        for (int round = 0; round < 2; ++round) {  // grows, then is overwritten
          write_region(fd, round);
          read_region(fd, round);
        }
        sync_well(fd);
        ::unlink(path.c_str());
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(an_error_of_the_device_is_the_status_of_direct_requests,
                     *where_there_is("failing")) {
  for (const Device& device : devices::with_role("failing")) {
    BOOST_TEST_CONTEXT(device) {
      const support::Fd fd = open_path(device.path, O_RDWR | O_DIRECT);
      for (int i = 0; i < 8; ++i) {
        const Request read = Request::to_read(fd.get(), block_bytes, place_of(i));
        BOOST_TEST(status_of(aio_read, read) == EIO);
        const Request write = Request::to_write(fd.get(), content_of(i, 0), place_of(i));
        BOOST_TEST(status_of(aio_write, write) == EIO);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(an_error_of_the_device_is_the_status_of_buffered_reads_and_of_aio_fsync,
                     *where_there_is("failing")) {
  for (const Device& device : devices::with_role("failing")) {
    BOOST_TEST_CONTEXT(device) {
      const support::Fd fd = open_path(device.path, O_RDWR);
      const Request read = Request::to_read(fd.get(), block_bytes, 1 << 20);
      BOOST_TEST(status_of(aio_read, read) == EIO);
      const Request write = Request::to_write(fd.get(), support::pattern(block_bytes), 0);
      BOOST_TEST(status_of(aio_write, write) == 0);
      const Request sync = Request::to_sync(fd.get());
      BOOST_TEST(status_of([](aiocb* block) { return aio_fsync(O_SYNC, block); }, sync) == EIO);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
