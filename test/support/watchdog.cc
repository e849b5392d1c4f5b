// SPDX-License-Identifier: MIT
#include "watchdog.h"

#include "deadline.h"
#include "precondition.h"

#include <boost/test/tree/test_unit.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <pthread.h>

namespace support {

namespace {

std::chrono::seconds usual_limit() {
  if (const char* chosen = std::getenv("KAIO_TEST_TIMEOUT_S"))
    return std::chrono::seconds{std::atoi(chosen)};
  return std::chrono::seconds{sanitized ? 120 : 40} * slowness();
}

}  // namespace

Watchdog::Watchdog() {
  // ThreadSanitizer only checks children that were forked while there was one thread.
  if (thread_sanitized) return;
  // A process-directed signal must find the thread that the test means.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread{[this] { watch(); }};
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Watchdog::~Watchdog() {
  {
    std::lock_guard lock{mutex_};
    ending_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Watchdog::test_unit_start(const boost::unit_test::test_unit& unit) {
  if (unit.p_type != boost::unit_test::TUT_CASE) return;
  std::lock_guard lock{mutex_};
  case_name_ = unit.full_name();
  deadline_ = std::chrono::steady_clock::now() + usual_limit();
  changed_.notify_all();
}

void Watchdog::test_unit_finish(const boost::unit_test::test_unit&, unsigned long) {
  std::lock_guard lock{mutex_};
  case_name_.clear();
}

void Watchdog::allow(std::chrono::seconds limit) {
  std::lock_guard lock{mutex_};
  deadline_ = std::chrono::steady_clock::now() + limit * slowness();
}

void Watchdog::watch() {
  std::unique_lock lock{mutex_};
  while (!ending_) {
    if (case_name_.empty()) {
      changed_.wait(lock);
    } else if (std::chrono::steady_clock::now() < deadline_) {
      changed_.wait_until(lock, std::chrono::steady_clock::time_point{deadline_});
    } else {
      std::fprintf(stderr, "\nHUNG: the test case %s took too long\n", case_name_.c_str());
      std::signal(SIGABRT, SIG_DFL);
      std::abort();
    }
  }
}

Watchdog& watchdog() {
  static Watchdog the_one;
  return the_one;
}

}  // namespace support
