// SPDX-License-Identifier: MIT
#include "sys/futex.h"

#include <algorithm>
#include <cerrno>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/direct_call.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

namespace kaio::sys {

int futex_wait(const FutexWord& word, std::uint32_t expected, Deadline deadline) {
  // FUTEX_WAIT_BITSET takes an absolute time, so that a restart after a signal
  // does not begin the timeout anew.
  const timespec until = to_timespec(deadline);
  const long outcome =
      ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
                deadline == forever ? nullptr : &until, nullptr, FUTEX_BITSET_MATCH_ANY);
  return outcome < 0 ? errno : 0;
}

void sleep_for(std::int64_t ns) noexcept {
  const FutexWord nobody_wakes{0};
  const timespec until = to_timespec(monotonic_ns() + ns);
  direct_call(SYS_futex, &nobody_wakes, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0, &until, nullptr,
              FUTEX_BITSET_MATCH_ANY);
}

int futex_wake(const FutexWord* word, int count) noexcept {
  const int saved_errno = errno;
  const long woken =
      ::syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count, nullptr, nullptr, 0);
  errno = saved_errno;
  return static_cast<int>(std::max(woken, 0L));
}

int futex_wait_any(std::span<const FutexExpectation> words, Deadline deadline) {
  const timespec until = to_timespec(deadline);
  const long outcome = ::syscall(SYS_futex_waitv, words.data(), static_cast<unsigned>(words.size()),
                                 0, deadline == forever ? nullptr : &until, CLOCK_MONOTONIC);
  return outcome < 0 ? errno : 0;
}

}  // namespace kaio::sys
