// SPDX-License-Identifier: MIT
// What is measured: the words of the command line as types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aio_bench {

enum class Cache : std::uint8_t { direct, buffered };

// How a program learns of a completion.
enum class Notify : std::uint8_t {
  suspend,
  poll,
  waitcomplete,
  list,
  signal,
  thread,
  eventfd,
  coroutine,
};

inline const std::vector<std::string> notify_names{
    "suspend", "poll", "waitcomplete", "list", "signal", "thread", "eventfd", "coroutine"};

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

// What one result is of: everything that may differ between results.
struct Case {
  std::size_t target = 0;  // which of those of the run
  Load load{};
  BlockSize block{};
  Cache cache = Cache::direct;
  unsigned job_count = 1;
  unsigned depth = 1;
  Notify notify = Notify::suspend;
  std::string engine_name{};

  // The same but for the engine and how it tells of completions: to be compared.
  bool is_comparable(const Case& other) const noexcept {
    return target == other.target && load == other.load && block == other.block &&
           cache == other.cache && job_count == other.job_count && depth == other.depth;
  }
};

// What is the same for all measurements of a run.
struct LoadSettings {
  unsigned batch = 1;  // I/Os that one call submits at most; see IoEngine::submit
  unsigned vector_count = 1;
  unsigned fsync_every = 0;  // writes; 0: never
  Pace pace{};
  double seconds = 0;              // 0: until the amount is done
  std::uint64_t amount_bytes = 0;  // 0: until the time is over
  double ramp_up_seconds = 0;      // runs before, and is left out of every figure
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

inline const std::string& notify_name(Notify notify) noexcept {
  return notify_names[static_cast<std::size_t>(notify)];
}

inline const char* pace_name(Pace::Kind kind) noexcept {
  constexpr const char* names[] = {"full", "limited", "poisson"};
  return names[static_cast<std::size_t>(kind)];
}

// As people write them. All throw UsageError that names `option`.

// "randread,randrw:70".
std::vector<Load> parse_loads(std::string_view option, std::string_view text);

// "4k,64k" (one after the other), "4k..1m" (each power of two of these), "4k-64k"
// (each I/O has a size of its own, a multiple of the smallest).
std::vector<BlockSize> parse_blocks(std::string_view option, std::string_view text);

// "direct", "buffered" or "both".
std::vector<Cache> parse_caches(std::string_view option, const std::string& text);

// "suspend,thread".
std::vector<Notify> parse_notifies(std::string_view option, std::string_view text);

}  // namespace aio_bench
