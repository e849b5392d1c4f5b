// SPDX-License-Identifier: MIT
// Completions as signals: with SA_SIGINFO the handler learns from si_code why it
// runs, and from si_value which request is done.
#include "support/deadline.h"
#include "support/pattern.h"
#include "support/temporary_file.h"

#include <kaio/aio.h>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <unistd.h>

namespace {

constexpr int count = 100;
aiocb requests[count];
char buffers[count][100];
std::atomic<int> notified_counts[count];
std::atomic<int> total_count;
std::atomic<int> wrong_count;

void read_is_done(int, siginfo_t* info, void*) {
  const int kept_errno = errno;
  if (info->si_code == SI_ASYNCIO && info->si_pid == ::getpid()) {
    auto* request = static_cast<aiocb*>(info->si_value.sival_ptr);
    if (aio_error(request) != 0 || aio_return(request) != sizeof buffers[0]) ++wrong_count;
    ++notified_counts[request - requests];
    ++total_count;
  } else {
    ++wrong_count;
  }
  errno = kept_errno;
}

}  // namespace

BOOST_AUTO_TEST_CASE(signals_that_carry_the_request) {
  const support::TemporaryFile file{count * sizeof buffers[0]};
  const support::Fd fd = file.open(O_RDONLY);
  const int number = SIGRTMIN + 3;  // a real-time signal: none is merged with another

  struct sigaction action {};
  action.sa_sigaction = read_is_done;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  BOOST_REQUIRE(::sigaction(number, &action, nullptr) == 0);

  for (int index = 0; index < count; ++index) {
    aiocb& request = requests[index];
    request.aio_fildes = fd.get();
    request.aio_buf = buffers[index];
    request.aio_nbytes = sizeof buffers[index];
    request.aio_offset = index * sizeof buffers[index];
    request.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
    request.aio_sigevent.sigev_signo = number;
    request.aio_sigevent.sigev_value.sival_ptr = &request;
    BOOST_REQUIRE(aio_read(&request) == 0);
  }

  BOOST_TEST(support::eventually([] { return total_count == count; }));
  BOOST_TEST(wrong_count == 0);
  for (int index = 0; index < count; ++index) {
    BOOST_TEST(notified_counts[index] == 1);
    BOOST_TEST(support::is_pattern({buffers[index], sizeof buffers[index]},
                                   index * sizeof buffers[index]));
  }
  std::signal(number, SIG_DFL);
}
