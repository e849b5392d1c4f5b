// SPDX-License-Identifier: MIT
// Sleeping on a 32-bit word and waking whoever sleeps on it. Process-private.
// Everything here is async-signal-safe. Waits return 0 or an error number.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "sys/clock.h"

namespace kaio::sys {

using FutexWord = std::atomic<std::uint32_t>;
static_assert(sizeof(FutexWord) == 4 && FutexWord::is_always_lock_free);

// Sleeps while *word == expected. 0 (woken, perhaps for nothing), EAGAIN (the
// word differed), EINTR, ETIMEDOUT.
int futex_wait(const FutexWord& word, std::uint32_t expected, Deadline deadline);

// Sleeps so long; a signal handler may shorten it. By futex(), the only call to wait by that no
// filter refuses.
void sleep_for(std::int64_t ns) noexcept;

// Wakes at most `count` sleepers; returns how many. The word need not exist any more: an
// address that is gone, or somebody else's by now, at worst wakes a sleeper for nothing.
int futex_wake(const FutexWord* word, int count) noexcept;

// As the kernel takes it (struct futex_waitv of <linux/futex.h>, which headers before 5.16 lack),
// so that nothing is copied to the stack, which may be a handler's small one.
struct FutexExpectation {
  std::uint64_t expected = 0;
  const FutexWord* word = nullptr;
  std::uint32_t flags = 2 | 128;  // 32 bits, private
  std::uint32_t reserved = 0;
};
static_assert(sizeof(FutexExpectation) == 24);

inline constexpr std::size_t futex_waitv_max = 128;  // FUTEX_WAITV_MAX

// Sleeps while every word holds what is expected of it (at most
// futex_waitv_max). As futex_wait(); ENOSYS before Linux 5.16, or what a filter says.
int futex_wait_any(std::span<const FutexExpectation> words, Deadline deadline);

}  // namespace kaio::sys
