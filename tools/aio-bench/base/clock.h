// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <ctime>

namespace aio_bench {

inline std::int64_t now_ns() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C(1'000'000'000) + now.tv_nsec;
}

// Or until a signal handler ran.
inline void sleep_until(std::int64_t time_ns) noexcept {
  const timespec time{.tv_sec = time_ns / 1'000'000'000, .tv_nsec = time_ns % 1'000'000'000};
  ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr);
}

}  // namespace aio_bench
