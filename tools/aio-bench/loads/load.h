// SPDX-License-Identifier: MIT
// What is measured: the words of the command line as types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace aio_bench {

enum class Cache : std::uint8_t { direct, buffered };

// How a program learns of a completion.
enum class Notify : std::uint8_t { suspend, poll, waitcomplete, list, signal, thread, eventfd };

constexpr Notify all_notifies[] = {Notify::suspend, Notify::poll,   Notify::waitcomplete,
                                   Notify::list,    Notify::signal, Notify::thread,
                                   Notify::eventfd};

struct Load {
  bool is_random = true;
  unsigned read_percent = 100;

  bool has_writes() const noexcept { return read_percent < 100; }
  bool has_reads() const noexcept { return read_percent > 0; }

  friend bool operator==(const Load&, const Load&) = default;
};

// Of one I/O; where they differ each I/O has a size drawn from between them, in
// steps of `least`.
struct BlockSize {
  std::size_t least_bytes = 4096;
  std::size_t greatest_bytes = 4096;

  friend bool operator==(const BlockSize&, const BlockSize&) = default;
};

// When I/Os start: as soon as there is room in the queue, or at times that the
// device's answers do not change.
struct Pace {
  enum class Kind : std::uint8_t { full, limited, poisson };

  Kind kind = Kind::full;
  double io_per_second = 0;  // of all jobs together

  friend bool operator==(const Pace&, const Pace&) = default;
};

// "randread", "write", "randrw:70".
inline std::string load_name(Load load) {
  const std::string prefix = load.is_random ? "rand" : "";
  if (!load.has_writes()) return prefix + "read";
  if (!load.has_reads()) return prefix + "write";
  return prefix + "rw:" + std::to_string(load.read_percent);
}

inline const char* cache_name(Cache cache) noexcept {
  return cache == Cache::direct ? "direct" : "buffered";
}

inline const char* notify_name(Notify notify) noexcept {
  switch (notify) {
    case Notify::poll:
      return "poll";
    case Notify::waitcomplete:
      return "waitcomplete";
    case Notify::list:
      return "list";
    case Notify::signal:
      return "signal";
    case Notify::thread:
      return "thread";
    case Notify::eventfd:
      return "eventfd";
    default:
      return "suspend";
  }
}

inline const char* pace_name(Pace::Kind kind) noexcept {
  switch (kind) {
    case Pace::Kind::limited:
      return "limited";
    case Pace::Kind::poisson:
      return "poisson";
    default:
      return "full";
  }
}

}  // namespace aio_bench
