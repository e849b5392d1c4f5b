// SPDX-License-Identifier: MIT
// What is measured: the words of the command line as types.
#pragma once

#include <cstdint>

namespace aio_bench {

enum class Cache : std::uint8_t { direct, buffered };

// How a program learns of a completion.
enum class Notify : std::uint8_t { suspend, thread, signal };

struct Load {
  bool is_random = true;
  bool is_write = false;

  friend bool operator==(const Load&, const Load&) = default;
};

inline const char* load_name(Load load) noexcept {
  if (load.is_random) return load.is_write ? "randwrite" : "randread";
  return load.is_write ? "write" : "read";
}

inline const char* cache_name(Cache cache) noexcept {
  return cache == Cache::direct ? "direct" : "buffered";
}

inline const char* notify_name(Notify notify) noexcept {
  switch (notify) {
    case Notify::thread: return "thread";
    case Notify::signal: return "signal";
    default: return "suspend";
  }
}

}  // namespace aio_bench
