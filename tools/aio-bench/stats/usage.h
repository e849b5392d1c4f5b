// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace aio_bench {

// What this process, with all of its threads, has used.
struct Usage {
  double cpu_seconds = 0;  // user and system
  std::uint64_t context_switch_count = 0;
  std::optional<std::uint64_t> system_call_count{};

  static Usage now();

  Usage since(const Usage& before) const noexcept;
};

// Has the kernel count the system calls of all threads started from now on, where
// it lets this process (the tracepoint raw_syscalls:sys_enter: root, mostly). To
// be called before there are other threads; false when it does not.
bool count_system_calls();

// The counters of struct kaio_statistics by name, in its order; only what counts
// events, not what there is at the moment.
using KaioStatistics = std::vector<std::pair<std::string, std::uint64_t>>;

KaioStatistics kaio_statistics_now();

// `after` - `before`, counter by counter.
KaioStatistics difference(const KaioStatistics& after, const KaioStatistics& before);

// Counter by counter; either may be empty.
KaioStatistics sum(const KaioStatistics& one, const KaioStatistics& other);

}  // namespace aio_bench
