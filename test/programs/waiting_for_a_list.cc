// SPDX-License-Identifier: MIT
// The classic loop: aio_suspend() with a list from which each finished request
// is taken by putting NULL in its place.
#include "support/pattern.h"
#include "support/temporary_file.h"

#include <kaio/aio.h>

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <fcntl.h>

BOOST_AUTO_TEST_CASE(waiting_for_a_list) {
  constexpr int count = 64;
  constexpr std::size_t block_bytes = 4096;
  const support::TemporaryFile file{count * block_bytes};
  file.make_cold();
  const support::Fd fd = file.open(O_RDONLY);
  static char buffers[count][block_bytes];
  static aiocb requests[count];
  const aiocb* list[count];

  for (int index = 0; index < count; ++index) {
    requests[index].aio_fildes = fd.get();
    requests[index].aio_buf = buffers[index];
    requests[index].aio_nbytes = block_bytes;
    requests[index].aio_offset = index * block_bytes;
    BOOST_REQUIRE(aio_read(&requests[index]) == 0);
    list[index] = &requests[index];
  }

  for (int left_count = count; left_count > 0;) {
    if (aio_suspend(list, count, nullptr) != 0) {
      BOOST_REQUIRE(errno == EINTR);
      continue;
    }
    int taken_count = 0;
    for (int index = 0; index < count; ++index) {
      if (list[index] == nullptr || aio_error(list[index]) == EINPROGRESS) continue;
      BOOST_TEST(aio_error(&requests[index]) == 0);
      BOOST_TEST(aio_return(&requests[index]) == block_bytes);
      BOOST_TEST(support::is_pattern({buffers[index], block_bytes}, index * block_bytes));
      list[index] = nullptr;
      ++taken_count;
    }
    BOOST_REQUIRE(taken_count > 0);
    left_count -= taken_count;
  }
}
