// SPDX-License-Identifier: MIT
// Reads of a terminal and a pipe at the same time. The status of all is listed
// as lines come in; SIGQUIT cancels what is left, and those end as cancelled.
#include "support/channel.h"
#include "support/deadline.h"

#include <kaio/aio.h>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <string>
#include <string_view>
#include <termios.h>
#include <thread>

namespace {

constexpr int count = 5;
aiocb requests[count];
char buffers[count][100];
std::atomic<int> cancel_answers[count];

void cancel_all(int) {
  const int kept_errno = errno;
  for (int index = 0; index < count; ++index)
    cancel_answers[index] = aio_cancel(requests[index].aio_fildes, &requests[index]);
  errno = kept_errno;
}

void start_read(int index, int fd) {
  requests[index] = {};
  requests[index].aio_fildes = fd;
  requests[index].aio_buf = buffers[index];
  requests[index].aio_nbytes = sizeof buffers[index];
  requests[index].aio_sigevent.sigev_notify = SIGEV_NONE;
  BOOST_REQUIRE(aio_read(&requests[index]) == 0);
}

std::string name_of(int status) {
  return status == EINPROGRESS ? "waiting"
         : status == ECANCELED ? "cancelled"
         : status == 0         ? "read"
                               : "failed";
}

std::string all_status() {
  std::string line;
  for (const aiocb& request : requests) line += name_of(aio_error(&request)) + " ";
  return line;
}

// Sleeps in aio_suspend() as an interactive program does.
void wait_for_change(const std::string& before) {
  const auto deadline = support::Clock::now() + support::patience;
  while (all_status() == before && support::Clock::now() < deadline) {
    const aiocb* list[count];
    for (int index = 0; index < count; ++index)
      list[index] = aio_error(&requests[index]) == EINPROGRESS ? &requests[index] : nullptr;
    const timespec second{1, 0};
    aio_suspend(list, count, &second);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(terminal_and_pipe) {
  const support::FdPair terminal = support::make_pty();
  const support::FdPair pipe = support::make_pipe();
  termios mode;
  BOOST_REQUIRE(::tcgetattr(terminal.second.get(), &mode) == 0);
  mode.c_lflag |= ICANON;  // whole lines, as people type them
  BOOST_REQUIRE(::tcsetattr(terminal.second.get(), TCSANOW, &mode) == 0);

  struct sigaction action {};
  struct sigaction before;
  action.sa_handler = cancel_all;
  BOOST_REQUIRE(::sigaction(SIGQUIT, &action, &before) == 0);

  for (int index = 0; index < 3; ++index) start_read(index, terminal.second.get());
  for (int index = 3; index < count; ++index) start_read(index, pipe.first.get());
  BOOST_TEST(all_status() == "waiting waiting waiting waiting waiting ");

  BOOST_REQUIRE(::write(terminal.first.get(), "first line\n", 11) == 11);
  wait_for_change("waiting waiting waiting waiting waiting ");
  BOOST_TEST(all_status() == "read waiting waiting waiting waiting ");
  BOOST_REQUIRE(aio_return(&requests[0]) == 11);
  BOOST_TEST(std::string_view(buffers[0], 11) == "first line\n");

  BOOST_REQUIRE(::write(pipe.second.get(), "through the pipe", 16) == 16);
  wait_for_change("read waiting waiting waiting waiting ");
  BOOST_TEST(all_status() == "read waiting waiting read waiting ");
  BOOST_TEST(aio_return(&requests[3]) == 16);

  BOOST_REQUIRE(::write(terminal.first.get(), "second line\n", 12) == 12);
  wait_for_change("read waiting waiting read waiting ");
  BOOST_TEST(all_status() == "read read waiting read waiting ");
  BOOST_TEST(aio_return(&requests[1]) == 12);

  std::thread quitter{[target = pthread_self()] {
    std::this_thread::sleep_for(std::chrono::milliseconds{30});
    pthread_kill(target, SIGQUIT);
  }};
  wait_for_change("read read waiting read waiting ");
  quitter.join();
  BOOST_TEST(all_status() == "read read cancelled read cancelled ");
  for (const int index : {2, 4}) {
    BOOST_TEST(cancel_answers[index] == AIO_CANCELED);
    BOOST_TEST(aio_return(&requests[index]) == -1);
  }
  for (const int index : {0, 1, 3}) BOOST_TEST(cancel_answers[index] == AIO_ALLDONE);
  ::sigaction(SIGQUIT, &before, nullptr);
}
