// SPDX-License-Identifier: MIT
// What can be set, by KAIO_<NAME> in the environment or kaio_set_option().
#pragma once

#include <atomic>
#include <string_view>

#include "kernel/context.h"
#include "pool/pool.h"
#include "route/judge.h"

namespace kaio {

namespace limits {
inline constexpr unsigned queue_depth_min = 1;
inline constexpr unsigned queue_depth_max = 65536;  // the usual fs.aio-max-nr
inline constexpr int spin_us_auto = -1;
}  // namespace limits

struct Options {
  // Fixed when the first request is made.
  Route route = Route::automatic;
  KernelOptions kernel;
  // May change at any time.
  std::atomic<unsigned> threads{limits::pool_threads_default};
  std::atomic<int> idle_seconds{limits::pool_idle_seconds_default};
  std::atomic<int> spin_us{limits::spin_us_auto};
  std::atomic<bool> strict{false};
  std::atomic<bool> print_statistics{false};
  std::atomic<bool> fresh_callback_threads{false};

  // 0; EINVAL: no such option, or not such a value; EBUSY: too late.
  int set(std::string_view name, std::string_view value) noexcept;
  // Every KAIO_<NAME>. What cannot be used is told on standard error, once, and
  // left at its default.
  void read_environment() noexcept;
  // From now on the first group is fixed.
  void freeze() noexcept { frozen_.store(true, std::memory_order_relaxed); }

  // For messages: the values an option takes, or null for an unknown name.
  static const char* accepted_values(std::string_view name) noexcept;

 private:
  std::atomic<bool> frozen_{false};
};

// The process's; its environment has been read.
Options& options() noexcept;

}  // namespace kaio
