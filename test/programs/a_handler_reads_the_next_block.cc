// SPDX-License-Identifier: MIT
// The signal handler of one read starts the next, until the file is at its end.
// Meanwhile the main thread reads the same descriptor for itself.
#include "support/deadline.h"
#include "support/temporary_file.h"

#include <kaio/aio.h>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <string>
#include <vector>

namespace {

constexpr std::size_t block_bytes = 1000;
aiocb request;
std::vector<char> content;
std::atomic<off_t> position;
std::atomic<bool> at_end;
std::atomic<int> error_number;

void block_is_read(int, siginfo_t* info, void*) {
  const int kept_errno = errno;
  auto* done = static_cast<aiocb*>(info->si_value.sival_ptr);
  const int error = aio_error(done);
  const ssize_t size_bytes = aio_return(done);
  position += error == 0 ? size_bytes : 0;
  done->aio_offset = position;
  done->aio_buf = &content[position];
  if (error != 0 || size_bytes == 0 || aio_read(done) != 0) {
    error_number = error != 0 ? error : size_bytes == 0 ? 0 : errno;
    at_end = true;
  }
  errno = kept_errno;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_handler_reads_the_next_block) {
  const support::TemporaryFile file{1'234'567};
  const support::Fd fd = file.open(O_RDONLY);
  content.resize(1'234'567 + block_bytes);

  struct sigaction action {};
  action.sa_sigaction = block_is_read;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  BOOST_REQUIRE(::sigaction(SIGRTMIN + 4, &action, nullptr) == 0);

  request.aio_fildes = fd.get();
  request.aio_buf = content.data();
  request.aio_nbytes = block_bytes;
  request.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
  request.aio_sigevent.sigev_signo = SIGRTMIN + 4;
  request.aio_sigevent.sigev_value.sival_ptr = &request;
  BOOST_REQUIRE(aio_read(&request) == 0);

  int failed_count = 0;
  const auto deadline = support::Clock::now() + support::patience;
  while (!at_end && support::Clock::now() < deadline) {
    char own_buffer[100];
    aiocb own{};
    own.aio_fildes = fd.get();
    own.aio_buf = own_buffer;
    own.aio_nbytes = sizeof own_buffer;
    failed_count += aio_read(&own) != 0;
    const aiocb* const list[] = {&own};
    while (aio_error(&own) == EINPROGRESS) aio_suspend(list, 1, nullptr);
    failed_count += aio_return(&own) != sizeof own_buffer;
  }
  BOOST_TEST(at_end);
  BOOST_TEST(error_number == 0);
  BOOST_TEST(failed_count == 0);
  content.resize(static_cast<std::size_t>(position));
  BOOST_TEST((file.content() == std::string(content.begin(), content.end())));
  std::signal(SIGRTMIN + 4, SIG_DFL);
}
