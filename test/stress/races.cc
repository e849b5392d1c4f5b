// SPDX-License-Identifier: MIT
// Narrow races, each provoked on purpose.
#include "stress.h"
#include "support/pattern.h"
#include "support/request.h"
#include "support/temporary_file.h"

#include <kaio/aio.h>

#include <boost/test/unit_test.hpp>

#include <fcntl.h>

using support::Clock;
using support::eventually;
using support::Request;

BOOST_AUTO_TEST_SUITE(races)

namespace {

support::Fd open_direct(const support::TemporaryFile& file, int flags) {
  return file.open(O_RDWR | O_DIRECT | flags);
}

}  // namespace

// A successor is tried in the kernel, refused, and done by the pool, while its
// owner is about to sleep for it.
BOOST_AUTO_TEST_CASE(waiting_for_appending_writes_that_the_kernel_refuses_ends) {
  const auto until = Clock::now() + stress::duration();
  const support::TemporaryFile file(support::tmpfs, 0);
  const support::Fd fd = file.open(O_RDWR | O_APPEND);
  int rounds = 0;
  for (; Clock::now() < until; ++rounds) {
    std::vector<Request> writes;
    for (int i = 0; i < 3; ++i) {
      writes.push_back(Request::to_write(fd.get(), "0123456789"));
      writes.back()->aio_lio_opcode = LIO_WRITE;
    }
    auto list = support::list_of(writes);
    BOOST_REQUIRE(lio_listio(LIO_WAIT, list.data(), 3, nullptr) == 0);
    if (rounds % 1000 == 0) BOOST_REQUIRE(::ftruncate(fd.get(), 0) == 0);
  }
  BOOST_TEST(rounds > 10);
}

// With NOWAIT a read says EAGAIN while an extending write holds the inode's lock.
BOOST_AUTO_TEST_CASE(direct_reads_beside_appending_direct_writes_all_end,
                     *support::with_direct_io()) {
  const auto until = Clock::now() + stress::duration();
  const support::TemporaryFile file(1 << 20);
  const support::Fd fd = open_direct(file, O_APPEND);
  const std::string text = support::pattern(65536);
  for (int round = 0; Clock::now() < until; ++round) {
    std::vector<Request> requests;
    requests.push_back(Request::to_write(fd.get(), text));
    BOOST_REQUIRE(aio_write(requests.back()) == 0);
    for (int i = 0; i < 8; ++i) {
      requests.push_back(Request::to_read(fd.get(), 4096, i * 4096));
      BOOST_REQUIRE(aio_read(requests.back()) == 0);
    }
    for (const Request& request : requests) {
      BOOST_REQUIRE(eventually([&] { return !support::in_progress(request); }));
      BOOST_REQUIRE(aio_error(request) == 0);
    }
    if (round % 64 == 63) BOOST_REQUIRE(::ftruncate(fd.get(), 1 << 20) == 0);
  }
}

BOOST_AUTO_TEST_SUITE_END()
