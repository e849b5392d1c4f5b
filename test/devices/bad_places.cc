// SPDX-License-Identifier: MIT
// Devices that cannot read, or write, some of their places: exactly those requests fail, as
// pread() and pwrite() do.
#include "given_devices.h"

#include "support/pattern.h"
#include "support/request.h"

#include <aio.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

using devices::block_bytes;
using devices::Device;
using devices::open_path;
using devices::where_there_is;
using support::Request;
using namespace std::chrono_literals;
namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(bad_places)

namespace {

// From before the bad place to behind it. Apart from each other: the kernel may make one
// request of neighbours, and then has one error for all.
constexpr int count = 24;
constexpr off_t distance_bytes = 32 << 10;

off_t place_of(int number) { return devices::bad_begin + (number - count / 3) * distance_bytes; }
bool is_bad(int number) {
  return place_of(number) >= devices::bad_begin && place_of(number) < devices::bad_end;
}

std::string content_of(int number) {
  return support::pattern(block_bytes, static_cast<std::uint64_t>(number) * 7919);
}

enum class How { singly, in_a_list };
std::ostream& operator<<(std::ostream& out, How how) {
  return out << (how == How::singly ? "singly" : "in a list");
}

void submit(const std::vector<Request>& requests, How how) {
  if (how == How::in_a_list) {
    const std::vector<aiocb*> list = support::list_of(requests);
    BOOST_REQUIRE(lio_listio(LIO_NOWAIT, list.data(), count, nullptr) == 0);
    return;
  }
  for (const Request& request : requests)
    BOOST_REQUIRE((request->aio_lio_opcode == LIO_READ ? aio_read : aio_write)(request) == 0);
}

int error_of_call(ssize_t result) { return result < 0 ? errno : 0; }

}  // namespace

BOOST_TEST_DECORATOR(*where_there_is("bad_place"))
BOOST_DATA_TEST_CASE(reads_of_a_bad_place_fail_and_no_others,
                     data::make({0, O_DIRECT}) * data::make({How::singly, How::in_a_list}), flags,
                     how) {
  for (const Device& device : devices::with_role("bad_place")) {
    BOOST_TEST_CONTEXT(device) {
      const support::Fd fd = open_path(device.path, O_RDONLY | flags);
      ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_RANDOM);
      std::vector<Request> reads;
      for (int number = 0; number < count; ++number) {
        reads.push_back(Request::to_read(fd.get(), block_bytes, place_of(number)));
        reads.back()->aio_lio_opcode = LIO_READ;
      }
      submit(reads, how);
      for (int number = 0; number < count; ++number) {
        const Request& read = reads[number];
        const int status = support::wait_done(read, 60s);
        BOOST_TEST(aio_return(read) == (is_bad(number) ? -1 : static_cast<ssize_t>(block_bytes)),
                   "block " << number);
        // EIO, or what the kernel calls the error of a medium.
        const int expected =
            error_of_call(::pread(fd.get(), read.data(), block_bytes, place_of(number)));
        BOOST_TEST(status == expected, "block " << number);
        BOOST_TEST((expected != 0) == is_bad(number), "block " << number);
      }
    }
  }
}

BOOST_TEST_DECORATOR(*where_there_is("bad_place"))
BOOST_DATA_TEST_CASE(direct_writes_of_a_bad_place_fail_as_pwrite_does_and_no_others,
                     data::make({How::singly, How::in_a_list}), how) {
  for (const Device& device : devices::with_role("bad_place")) {
    BOOST_TEST_CONTEXT(device) {
      const support::Fd fd = open_path(device.path, O_RDWR | O_DIRECT);
      std::vector<Request> writes;
      for (int number = 0; number < count; ++number) {
        writes.push_back(Request::to_write(fd.get(), content_of(number), place_of(number)));
        writes.back()->aio_lio_opcode = LIO_WRITE;
      }
      submit(writes, how);
      for (int number = 0; number < count; ++number) {
        const Request& write = writes[number];
        const int status = support::wait_done(write, 60s);
        const int expected =
            error_of_call(::pwrite(fd.get(), write.data(), block_bytes, place_of(number)));
        BOOST_TEST(status == expected, "block " << number);
        BOOST_TEST((expected == 0 || is_bad(number)), "block " << number);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(where_only_writes_fail_reads_succeed, *where_there_is("failing_writes")) {
  for (const Device& device : devices::with_role("failing_writes")) {
    BOOST_TEST_CONTEXT(device) {
      const support::Fd fd = open_path(device.path, O_RDWR | O_DIRECT);
      std::vector<Request> requests;
      for (int number = 0; number < count; ++number) {
        const bool reads = number % 2 == 0;
        requests.push_back(reads
                               ? Request::to_read(fd.get(), block_bytes, place_of(number))
                               : Request::to_write(fd.get(), content_of(number), place_of(number)));
        requests.back()->aio_lio_opcode = reads ? LIO_READ : LIO_WRITE;
      }
      submit(requests, How::singly);
      for (const Request& request : requests)
        BOOST_TEST(support::wait_done(request, 60s) ==
                   (request->aio_lio_opcode == LIO_READ ? 0 : EIO));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
