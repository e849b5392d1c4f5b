// SPDX-License-Identifier: MIT
// lio_listio() both ways: waiting for all of a list, and being told when all of
// it is done.
#include "support/callbacks.h"
#include "support/temporary_file.h"

#include <kaio/aio.h>

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <fcntl.h>
#include <string>

namespace {

constexpr int count = 10;

// Each element writes its own line; every third is left out.
struct Lines {
  explicit Lines(int fd) {
    for (int index = 0; index < count; ++index) {
      texts[index] = "this is line " + std::to_string(index) + "\n";
      aiocb& request = requests[index];
      request.aio_fildes = fd;
      request.aio_lio_opcode = index % 3 == 2 ? LIO_NOP : LIO_WRITE;
      request.aio_buf = texts[index].data();
      request.aio_nbytes = texts[index].size();
      request.aio_offset = static_cast<off_t>(expected.size());
      request.aio_sigevent.sigev_notify = SIGEV_NONE;
      list[index] = &request;
      if (request.aio_lio_opcode == LIO_WRITE) expected += texts[index];
    }
  }

  std::string texts[count];
  std::string expected;
  aiocb* list[count];
  aiocb requests[count]{};
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_list_that_is_waited_for) {
  const support::TemporaryFile file;
  const support::Fd fd = file.open(O_WRONLY);
  Lines lines{fd.get()};
  BOOST_REQUIRE(lio_listio(LIO_WAIT, lines.list, count, nullptr) == 0);
  for (aiocb& request : lines.requests) BOOST_TEST(aio_error(&request) == 0);
  BOOST_TEST(file.content() == lines.expected);
}

BOOST_AUTO_TEST_CASE(a_list_that_tells_when_it_is_done) {
  const support::TemporaryFile file;
  const support::Fd fd = file.open(O_WRONLY);
  Lines lines{fd.get()};
  support::Callbacks callbacks;
  {
    sigevent when_all_are_done{};
    callbacks.attach(when_all_are_done);
    BOOST_REQUIRE(lio_listio(LIO_NOWAIT, lines.list, count, &when_all_are_done) == 0);
  }
  BOOST_TEST(callbacks.wait_for(1));
  for (aiocb& request : lines.requests) BOOST_TEST(aio_error(&request) == 0);
  BOOST_TEST(file.content() == lines.expected);
}

BOOST_AUTO_TEST_CASE(a_list_with_a_mistake_in_it) {
  const support::TemporaryFile file;
  const support::Fd fd = file.open(O_WRONLY);
  Lines lines{fd.get()};
  lines.requests[4].aio_fildes = -1;
  const int result = lio_listio(LIO_WAIT, lines.list, count, nullptr);
  const int error = errno;
  BOOST_TEST(result == -1);
  BOOST_TEST(error == EIO);
  for (int index = 0; index < count; ++index)
    BOOST_TEST(aio_error(&lines.requests[index]) == (index == 4 ? EBADF : 0));
}
