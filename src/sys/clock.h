// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <ctime>

namespace kaio::sys {

// A point on the monotonic clock, in nanoseconds; `forever` is no deadline, and `over` is one
// that needs no look at the clock.
using Deadline = std::int64_t;
inline constexpr Deadline over = 0;
inline constexpr Deadline forever = INT64_MAX;

inline std::int64_t monotonic_ns() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C(1'000'000'000) + now.tv_nsec;
}

inline timespec to_timespec(std::int64_t ns) noexcept {
  return {.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
}

// The deadline `timeout` from now; one so far away that it overflows is never.
inline Deadline deadline_after(const timespec& timeout) noexcept {
  if (timeout.tv_sec < 0 || (timeout.tv_sec == 0 && timeout.tv_nsec == 0)) return over;
  const std::int64_t now = monotonic_ns();
  if (timeout.tv_sec > (INT64_MAX - now) / 1'000'000'000 - 1) return forever;
  return now + timeout.tv_sec * INT64_C(1'000'000'000) + timeout.tv_nsec;
}

}  // namespace kaio::sys
