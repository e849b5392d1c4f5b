// SPDX-License-Identifier: MIT
// Callbacks that never return are the program's affair: the others start within
// 10 ms all the same.
#include "support/deadline.h"
#include "support/precondition.h"
#include "support/temporary_file.h"

#include <kaio/aio.h>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <fcntl.h>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

std::atomic<bool> may_end;
std::atomic<int> looping_count;

void loop_for_ever(sigval) {
  ++looping_count;
  while (!may_end)  // "for ever", as far as the other requests can tell
    std::this_thread::sleep_for(1ms);
  --looping_count;
}

struct Timed {
  support::Clock::time_point submitted_at;
  std::atomic<support::Clock::duration> delay{support::Clock::duration{-1}};
};

void note_the_delay(sigval value) {
  auto* timed = static_cast<Timed*>(value.sival_ptr);
  timed->delay = support::Clock::now() - timed->submitted_at;
}

void start_read(aiocb& request, int fd, char* buffer, void (*callback)(sigval), void* argument) {
  request = {};
  request.aio_fildes = fd;
  request.aio_buf = buffer;
  request.aio_nbytes = 1;
  request.aio_sigevent.sigev_notify = SIGEV_THREAD;
  request.aio_sigevent.sigev_notify_function = callback;
  request.aio_sigevent.sigev_value.sival_ptr = argument;
  if (aio_read(&request) != 0) throw std::runtime_error{"aio_read"};
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_callback_that_loops) {
  const support::TemporaryFile file{100};
  const support::Fd fd = file.open(O_RDONLY);
  char buffer;
  std::vector<support::Clock::duration> delays;
  static aiocb looping[30];  // they end after this function, should it throw

  for (aiocb& request : looping) {
    start_read(request, fd.get(), &buffer, loop_for_ever, nullptr);
    for (int round = 0; round < 10; ++round) {
      Timed timed;
      aiocb other;
      timed.submitted_at = support::Clock::now();
      start_read(other, fd.get(), &buffer, note_the_delay, &timed);
      const auto started = [&] { return timed.delay.load().count() >= 0; };
      BOOST_REQUIRE(support::eventually(started));
      delays.push_back(timed.delay);
    }
  }
  BOOST_TEST(looping_count == 30);
  may_end = true;
  BOOST_TEST(support::eventually([] { return looping_count == 0; }));

  std::ranges::sort(delays);
  constexpr int slack = support::sanitized ? 10 : 1;
  BOOST_TEST((delays[delays.size() / 2] < slack * 10ms));
  BOOST_TEST((delays.back() < slack * 200ms));
}
