// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <time.h>

namespace random_test {

// Of CLOCK_MONOTONIC. Async-signal-safe.
inline std::int64_t now_ns() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

}  // namespace random_test
