// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

namespace aio_bench {

// What this process, with all of its threads, has used.
struct Usage {
  double cpu_seconds = 0;  // user and system
  std::uint64_t context_switch_count = 0;
  std::optional<std::uint64_t> system_call_count;

  static Usage now();

  Usage since(const Usage& before) const noexcept;
};

// Has the kernel count the system calls of all threads started from now on, where
// it lets this process (the tracepoint raw_syscalls:sys_enter: root, mostly). To
// be called before there are other threads; false when it does not.
bool count_system_calls();

}  // namespace aio_bench
