// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <ctime>

namespace aio_bench {

constexpr std::int64_t second_ns = 1'000'000'000;

inline timespec timespec_of(std::int64_t time_ns) noexcept {
  return {.tv_sec = time_ns / second_ns, .tv_nsec = time_ns % second_ns};
}

inline std::int64_t now_ns() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * second_ns + now.tv_nsec;
}

inline timespec time_left_until(std::int64_t time_ns) noexcept {
  const std::int64_t left_ns = time_ns - now_ns();
  return left_ns <= 0 ? timespec{} : timespec_of(left_ns);
}

// Or until a signal handler ran.
inline void sleep_until(std::int64_t time_ns) noexcept {
  const timespec time = timespec_of(time_ns);
  ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr);
}

}  // namespace aio_bench
