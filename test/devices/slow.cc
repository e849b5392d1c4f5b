// SPDX-License-Identifier: MIT
// Devices that take their time, and those that take few requests at a time: neither keeps
// the caller, and what the device would do together is not done one by one.
#include "given_devices.h"

#include "support/deadline.h"
#include "support/pattern.h"
#include "support/request.h"

#include <kaio/aio.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

using devices::block_bytes;
using devices::Device;
using devices::open_path;
using devices::where_there_is;
using support::Duration;
using support::Request;
using support::time_of;
using namespace std::chrono_literals;
namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(slow_devices)

namespace {

// Apart from each other, so that the kernel makes no larger ones of them.
off_t place_of(int number) { return number * (off_t{1} << 16); }

std::string content_of(int number) {
  return support::pattern(block_bytes, static_cast<std::uint64_t>(number) * 7919);
}

// How often this thread has gone to sleep.
long sleep_count() {
  rusage used{};
  ::getrusage(RUSAGE_THREAD, &used);
  return used.ru_nvcsw;
}

// Requests, and how the calls kept their caller.
struct Work {
  std::vector<Request> requests;
  Duration longest_call{};
  long sleeps = 0;

  void add(Request request, int (*call)(aiocb*)) {
    requests.push_back(std::move(request));
    const long before = sleep_count();
    const Duration took = time_of([&] { BOOST_TEST(call(requests.back()) == 0); });
    longest_call = std::max(longest_call, took);
    sleeps += sleep_count() - before;
  }
  void wait() const {
    for (const Request& request : requests) {
      BOOST_TEST(support::wait_done(request, 60s) == 0);
      BOOST_TEST(aio_return(request) == static_cast<ssize_t>(block_bytes));
    }
  }
};

Work write_all(const support::Fd& fd, int count) {
  Work work;
  for (int number = 0; number < count; ++number)
    work.add(Request::to_write(fd.get(), content_of(number), place_of(number)), aio_write);
  return work;
}

Work read_all(const support::Fd& fd, int count) {
  Work work;
  for (int number = 0; number < count; ++number)
    work.add(Request::to_read(fd.get(), block_bytes, place_of(number)), aio_read);
  return work;
}

void check_content(const Work& reads) {
  for (int number = 0; number < static_cast<int>(reads.requests.size()); ++number)
    BOOST_TEST((reads.requests[number].text(block_bytes) == content_of(number)),
               "block " << number);
}

// What the device needs for a single one.
Duration time_of_one(const Device& device) {
  const support::Fd fd = open_path(device.path, O_RDONLY | O_DIRECT);
  const Request read = Request::to_read(fd.get(), block_bytes);
  return time_of(
      [&] { BOOST_REQUIRE(::pread(fd.get(), read.data(), block_bytes, 32 << 20) == block_bytes); });
}

auto milliseconds(Duration time) { return time / 1ms; }

}  // namespace

BOOST_TEST_DECORATOR(*where_there_is("slow"))
BOOST_DATA_TEST_CASE(calls_for_a_slow_device_return_at_once, data::make({0, O_DIRECT}), flags) {
  for (const Device& device : devices::with_role("slow")) {
    BOOST_TEST_CONTEXT(device) {
      const support::Fd fd = open_path(device.path, O_RDWR | flags);
      Work work;
      for (int number = 0; number < 8; number += 2) {
        work.add(Request::to_read(fd.get(), block_bytes, place_of(number)), aio_read);
        work.add(Request::to_write(fd.get(), content_of(number), place_of(number + 1)), aio_write);
      }
      BOOST_TEST((work.longest_call < 500ms), milliseconds(work.longest_call) << " ms");
      work.wait();
    }
  }
}

BOOST_AUTO_TEST_CASE(lists_for_a_slow_device_return_at_once, *where_there_is("slow")) {
  for (const Device& device : devices::with_role("slow")) {
    BOOST_TEST_CONTEXT(device) {
      const support::Fd fd = open_path(device.path, O_RDWR | O_DIRECT);
      std::vector<Request> requests;
      for (int number = 0; number < 10; ++number) {
        requests.push_back(Request::to_read(fd.get(), block_bytes, place_of(number)));
        requests.back()->aio_lio_opcode = LIO_READ;
      }
      const std::vector<aiocb*> list = support::list_of(requests);
      const Duration took =
          time_of([&] { BOOST_TEST(lio_listio(LIO_NOWAIT, list.data(), 10, nullptr) == 0); });
      BOOST_TEST((took < 500ms), milliseconds(took) << " ms");
      for (const Request& request : requests) BOOST_TEST(support::wait_done(request, 60s) == 0);
    }
  }
}

// One by one they take a hundred times as long as one.
BOOST_AUTO_TEST_CASE(a_hundred_requests_of_a_slow_device_are_made_together,
                     *where_there_is("slow")) {
  for (const Device& device : devices::with_role("slow")) {
    BOOST_TEST_CONTEXT(device) {
      const Duration at_most = 20 * time_of_one(device);
      const support::Fd direct = open_path(device.path, O_RDWR | O_DIRECT);
      const Duration writing = time_of([&] { write_all(direct, 100).wait(); });
      BOOST_TEST((writing < at_most), "direct writes took " << milliseconds(writing) << " ms");
      const Duration reading = time_of([&] {
        const Work reads = read_all(direct, 100);
        reads.wait();
        check_content(reads);
      });
      BOOST_TEST((reading < at_most), "direct reads took " << milliseconds(reading) << " ms");
      const support::Fd buffered = open_path(device.path, O_RDONLY);
      ::posix_fadvise(buffered.get(), 0, 0, POSIX_FADV_RANDOM);
      const Duration cold = time_of([&] {
        const Work reads = read_all(buffered, 100);
        reads.wait();
        check_content(reads);
      });
      BOOST_TEST((cold < at_most), "cold buffered reads took " << milliseconds(cold) << " ms");
    }
  }
}

// Each meets its own page, which the kernel takes out of the cache.
BOOST_AUTO_TEST_CASE(direct_writes_over_cached_pages_of_a_slow_device_are_made_together,
                     *where_there_is("slow")) {
  constexpr int count = 32;
  for (const Device& device : devices::with_role("slow")) {
    BOOST_TEST_CONTEXT(device) {
      const Duration at_most = count / 4 * time_of_one(device);
      const support::Fd buffered = open_path(device.path, O_RDONLY);
      ::posix_fadvise(buffered.get(), 0, 0, POSIX_FADV_RANDOM);
      read_all(buffered, count).wait();
      const support::Fd direct = open_path(device.path, O_RDWR | O_DIRECT);
      const Duration writing = time_of([&] {
        const Work writes = write_all(direct, count);
        BOOST_TEST((writes.longest_call < 500ms), milliseconds(writes.longest_call) << " ms");
        writes.wait();
      });
      BOOST_TEST((writing < at_most), "they took " << milliseconds(writing) << " ms");
      const Work reads = read_all(buffered, count);
      reads.wait();
      check_content(reads);
    }
  }
}

// A queue as short as that of many a USB stick: all but two wait for a place.
BOOST_AUTO_TEST_CASE(requests_beyond_the_places_of_a_device_neither_wait_in_the_call_nor_one_by_one,
                     *where_there_is("two_tags")) {
  constexpr int count = 60;
  for (const Device& device : devices::with_role("two_tags")) {
    BOOST_TEST_CONTEXT(device) {
      const Duration one_by_one = count * time_of_one(device);
      const support::Fd direct = open_path(device.path, O_RDWR | O_DIRECT);
      const auto judge = [&](const char* what, const Work& work, Duration took) {
        BOOST_TEST((took < one_by_one * 8 / 10), what << " took " << milliseconds(took)
                                                      << " ms, one by one they would take "
                                                      << milliseconds(one_by_one));
        // A busy machine takes its time for each call, but then the call does not sleep.
        BOOST_TEST((work.sleeps < count / 2), what << ": calls slept " << work.sleeps << " times");
      };
      Work writes;
      const Duration writing = time_of([&] {
        writes = write_all(direct, count);
        writes.wait();
      });
      judge("writes", writes, writing);
      Work reads;
      const Duration reading = time_of([&] {
        reads = read_all(direct, count);
        reads.wait();
      });
      check_content(reads);
      judge("reads", reads, reading);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
