// SPDX-License-Identifier: MIT
// What an engine has done, and how long it took.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include <kaio/engine/export.h>

namespace kaio {

// Times in nanoseconds, in steps that grow with them: each is off by one eighth at most.
class KAIO_ENGINE_API Histogram {
 public:
  static constexpr unsigned steps_per_power = 8;  // of two
  static constexpr unsigned bucket_count = 40 * steps_per_power;

  void add(std::uint64_t ns) noexcept { ++counts_[bucket_of(ns)]; }
  std::uint64_t count() const noexcept;
  // The time that such a part of them did not exceed, 0 to 1; 0 if there are none.
  std::uint64_t quantile_ns(double part) const noexcept;

  static constexpr unsigned bucket_of(std::uint64_t ns) noexcept {
    if (ns < steps_per_power) return static_cast<unsigned>(ns);
    const unsigned power = 63 - static_cast<unsigned>(__builtin_clzll(ns));  // 3 and up
    const unsigned step = static_cast<unsigned>(ns >> (power - 3)) & (steps_per_power - 1);
    const unsigned bucket = (power - 2) * steps_per_power + step;
    return bucket < bucket_count ? bucket : bucket_count - 1;
  }
  // The largest time that is counted there.
  static std::uint64_t largest_in(unsigned bucket) noexcept;

 private:
  std::array<std::uint64_t, bucket_count> counts_{};
};

// Counts since the engine was made.
struct KAIO_ENGINE_API EngineStatistics {
  std::uint64_t submitted = 0;
  std::uint64_t completed = 0;  // of these, whatever they came to:
  std::uint64_t failed = 0;     // with an error
  std::uint64_t cancelled = 0;  // before they began, by cancel or by deadline
  std::uint64_t late = 0;       // were under way when their deadline came
  std::uint64_t by_kernel = 0, by_threads = 0;
  std::uint64_t read_bytes = 0, written_bytes = 0;

  std::uint64_t io_submit_calls = 0, io_getevents_calls = 0;
  std::uint64_t ring_full = 0;  // times that the kernel had no room

  // Why something was asked for again, or left to a helper thread.
  std::uint64_t would_block = 0, no_nowait = 0, device_full = 0, short_transfers = 0, refused = 0,
                not_ready = 0, no_kernel_aio = 0;

  // At the moment.
  std::uint64_t queued = 0;     // submitted, and not given to the kernel or a thread yet
  std::uint64_t in_kernel = 0;  // given to it
  std::uint64_t under_way = 0;  // both, and those in threads
  std::uint64_t oldest_ns = 0;  // how long the oldest of them has been under way

  // By the engine's clock, which it reads when it is driven, not for each operation: a time is
  // as exact as that. Empty without EngineOptions::statistics, as oldest_ns then.
  Histogram queued_ns;              // from submit() to io_submit
  Histogram submitting_ns;          // inside io_submit, for each call
  Histogram device_ns;              // from io_submit to the end
  Histogram dispatch_ns;            // from the engine's look at the end to the completion's call
  std::uint64_t reserved[16] = {};  // 0: for what later versions have to add

  // Several lines for people to read.
  std::string to_text() const;
};

}  // namespace kaio
