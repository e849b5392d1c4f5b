// SPDX-License-Identifier: MIT
// What can be set, by KAIO_<NAME> in the environment or kaio_set_option().
#pragma once

#include <atomic>
#include <string_view>

#include "core/judge.h"
#include "core/kernel/context.h"
#include "core/threads/pool.h"
#include "sys/standard_error.h"

namespace kaio {

namespace limits {
inline constexpr unsigned queue_depth_min = 1;
inline constexpr unsigned queue_depth_max = 65536;  // the usual fs.aio-max-nr
inline constexpr int spin_us_auto = -1;
}  // namespace limits

// Fixed when the first request is made.
struct FixedOptions {
  Route route = Route::automatic;
  KernelOptions kernel;
};

// Standard error as it was when kaio was loaded, mostly at the start of the program.
const sys::StandardError& standard_error_at_start() noexcept;

class Options {
 public:
  // May change at any time.
  std::atomic<unsigned> threads{limits::pool_threads_default};
  std::atomic<int> idle_seconds{limits::pool_idle_seconds_default};
  std::atomic<int> spin_us{limits::spin_us_auto};
  std::atomic<bool> strict{false};
  std::atomic<bool> print_statistics{false};
  std::atomic<bool> log{false};
  std::atomic<bool> fresh_callback_threads{false};

  // 0; EINVAL: no such option, or not such a value; EBUSY: too late.
  int set(std::string_view name, std::string_view value) noexcept;
  // Every KAIO_<NAME>. What cannot be used is told on standard error, once, and
  // left at its default.
  void read_environment(const sys::StandardError& errors = standard_error_at_start()) noexcept;
  // From now on those are fixed which only count before the first request. Returns them.
  FixedOptions freeze() noexcept {
    return unpacked(fixed_.fetch_or(frozen, std::memory_order_relaxed));
  }
  FixedOptions fixed() const noexcept { return unpacked(fixed_.load(std::memory_order_relaxed)); }

 private:
  // In one word, as one thread may set an option while another one makes the first request,
  // and that may be a signal handler: each sees all of it, and nothing changes afterwards.
  // Relaxed: the word is all that there is.
  static constexpr std::uint32_t frozen = 1u << 31, read_ring = 1u << 30;
  static constexpr unsigned route_shift = 24;
  static constexpr std::uint32_t depth_mask = (1u << route_shift) - 1;
  static_assert(limits::queue_depth_max <= depth_mask);

  static constexpr std::uint32_t packed(const FixedOptions& fixed) noexcept {
    return fixed.kernel.queue_depth | static_cast<std::uint32_t>(fixed.route) << route_shift |
           (fixed.kernel.read_ring ? read_ring : 0);
  }
  static constexpr FixedOptions unpacked(std::uint32_t word) noexcept {
    FixedOptions fixed;
    fixed.route = static_cast<Route>(word >> route_shift & 3);
    fixed.kernel.queue_depth = word & depth_mask;
    fixed.kernel.enabled = fixed.route != Route::pool;
    fixed.kernel.read_ring = (word & read_ring) != 0;
    return fixed;
  }

  std::atomic<std::uint32_t> fixed_{packed(FixedOptions())};
};

// The process's; its environment has been read.
Options& options() noexcept;

}  // namespace kaio
