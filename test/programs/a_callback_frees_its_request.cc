// SPDX-License-Identifier: MIT
// Fire and forget: each write lives on the heap, and its callback frees it, with
// its buffer, and closes the descriptor.
#include "support/deadline.h"
#include "support/temporary_file.h"

#include <kaio/aio.h>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <string>
#include <unistd.h>

namespace {

struct Write {
  std::string text;
  aiocb request{};
};

std::atomic<int> finished_count;
std::atomic<int> failed_count;

void write_is_done(sigval value) {
  const std::unique_ptr<Write> write{static_cast<Write*>(value.sival_ptr)};
  if (aio_return(&write->request) != static_cast<ssize_t>(write->text.size())) ++failed_count;
  ::close(write->request.aio_fildes);
  // Whoever touched it from now on would read this.
  std::memset(&write->request, 0x5a, sizeof write->request);
  ++finished_count;
}

bool start_write(const std::string& path, std::string text, off_t offset) {
  auto write = std::make_unique<Write>();
  write->text = std::move(text);
  write->request.aio_fildes = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  write->request.aio_buf = write->text.data();
  write->request.aio_nbytes = write->text.size();
  write->request.aio_offset = offset;
  write->request.aio_sigevent.sigev_notify = SIGEV_THREAD;
  write->request.aio_sigevent.sigev_notify_function = write_is_done;
  write->request.aio_sigevent.sigev_value.sival_ptr = write.get();
  if (aio_write(&write->request) != 0) return false;
  (void)write.release();  // the callback's from now on
  return true;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_callback_frees_its_request) {
  constexpr int count = 500;
  const support::TemporaryFile file;
  std::string expected;
  for (int index = 0; index < count; ++index) {
    const std::string line = "line " + std::to_string(index) + "\n";
    BOOST_REQUIRE(start_write(file.path(), line, static_cast<off_t>(expected.size())));
    expected += line;
  }
  BOOST_TEST(support::eventually([] { return finished_count == count; }));
  BOOST_TEST(failed_count == 0);
  BOOST_TEST(file.content() == expected);
}
