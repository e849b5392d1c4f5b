// SPDX-License-Identifier: MIT
// 2,000 reads with a callback each do not mean 2,000 threads.
#include "support/callbacks.h"
#include "support/deadline.h"
#include "support/process.h"
#include "support/temporary_file.h"

#include <kaio/aio.h>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <fcntl.h>
#include <memory>

BOOST_AUTO_TEST_CASE(two_thousand_callbacks) {
  constexpr int count = 2000;
  const support::TemporaryFile file{8192};
  const support::Fd fd = file.open(O_RDONLY);
  const auto requests = std::make_unique<aiocb[]>(count);
  const auto buffers = std::make_unique<char[]>(count);
  int most_threads = 0;
  support::Callbacks callbacks;

  for (int index = 0; index < count; ++index) {
    requests[index].aio_fildes = fd.get();
    requests[index].aio_buf = &buffers[index];
    requests[index].aio_nbytes = 1;
    requests[index].aio_offset = index;
    callbacks.attach(requests[index].aio_sigevent);
    BOOST_REQUIRE(aio_read(&requests[index]) == 0);
  }
  const auto all_ran = [&] {
    most_threads = std::max(most_threads, support::thread_count());
    return callbacks.count() == count;
  };
  BOOST_TEST(support::eventually(all_ran));
  BOOST_TEST(callbacks.count() == count);
  BOOST_TEST(most_threads < 100);
  for (int index = 0; index < count; ++index) BOOST_TEST(aio_return(&requests[index]) == 1);
}
