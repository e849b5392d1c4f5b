// SPDX-License-Identifier: MIT
#include "core/threads/cached_read.h"
#include "support/pattern.h"
#include "support/precondition.h"
#include "support/temporary_file.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>

using kaio::IoOperation;

BOOST_AUTO_TEST_SUITE(cached_reads)

using namespace kaio::cached_read;

BOOST_AUTO_TEST_CASE(what_is_cached_is_read_whole) {
  const support::TemporaryFile file(8192);
  const support::Fd opened = file.open(O_RDONLY);
  std::string buffer(100, '.');
  BOOST_TEST(support::is_pattern(file.content(), 0));  // which caches it
  IoOperation read{.buffer = buffer.data(), .size = 100, .offset_bytes = 5000, .fd = opened.get()};
  BOOST_REQUIRE(suits(read));
  BOOST_TEST(perform(read) == 100);
  BOOST_TEST(support::is_pattern(buffer, 5000));
  read.offset_bytes = 8192 - 10;  // the rest is left as it was
  buffer.assign(100, '.');
  BOOST_TEST(perform(read) == 10);
  BOOST_TEST(support::is_pattern(buffer.substr(0, 10), 8192 - 10));
  BOOST_TEST(buffer.substr(10) == std::string(90, '.'));
  read.fd = -1;
  BOOST_TEST(perform(read) == -EBADF);
}

BOOST_AUTO_TEST_CASE(so_is_much_that_is_cached) {
  const support::TemporaryFile file(1 << 20);
  const support::Fd opened = file.open(O_RDONLY);
  BOOST_TEST(support::is_pattern(file.content(), 0));
  alignas(4096) static char buffer[300000];
  for (const std::size_t size :
       {whole_bytes_max - 1, whole_bytes_max, whole_bytes_max + 1, sizeof buffer}) {
    std::ranges::fill(buffer, '.');
    const IoOperation read{
        .buffer = buffer, .size = size, .offset_bytes = 4095, .fd = opened.get()};
    BOOST_REQUIRE(suits(read));
    BOOST_TEST(perform(read) == static_cast<std::int64_t>(size));
    BOOST_TEST(support::is_pattern(std::string(buffer, size), 4095));
  }
}

BOOST_AUTO_TEST_CASE(a_direct_read_is_not_waited_for, *support::with_direct_io()) {
  // More than devices take at once.
  const support::TemporaryFile file(16 << 20);
  file.make_cold();
  const support::Fd opened = file.open(O_RDONLY | O_DIRECT);
  alignas(4096) static char buffer[16 << 20];
  for (std::size_t size = 512; size <= sizeof buffer; size *= 2) {
    const IoOperation read{.buffer = buffer, .size = size, .fd = opened.get()};
    BOOST_REQUIRE(suits(read));
    const std::int64_t answer = perform(read);
    // EAGAIN: by a file system that would have read it by the page cache.
    BOOST_TEST((answer == -EINVAL || answer == -EAGAIN), size << " bytes: " << answer);
  }
}

BOOST_AUTO_TEST_CASE(no_byte_is_stored_where_the_kernel_has_stored_none) {
  alignas(4096) static char pages[8192];
  IoOperation read{.buffer = pages, .size = 4096};
  BOOST_TEST(suits(read));
  read.size = 4097;
  BOOST_TEST(!suits(read));
  read.size = 4098;
  BOOST_TEST(suits(read));
  read.size = whole_bytes_max + 1;
  BOOST_TEST(suits(read));
  read.buffer = pages + 4095;
  BOOST_TEST(!suits(read));
  read.buffer = pages + 1;
  read.size = 1;
  BOOST_TEST(!suits(read));
  read.size = 0;
  BOOST_TEST(!suits(read));
}

BOOST_AUTO_TEST_SUITE_END()
