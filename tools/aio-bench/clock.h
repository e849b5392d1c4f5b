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

}  // namespace aio_bench
