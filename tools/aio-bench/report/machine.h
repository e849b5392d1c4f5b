// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

namespace aio_bench {

// What figures depend on, and what their reader asks first.
struct Machine {
  std::string kernel;  // "Linux 6.1.0"
  std::string host_name;
  std::string architecture;  // "x86_64"
  std::string cpu_model;     // "" when the kernel does not say
  unsigned cpu_count = 0;    // that this process may use
  std::uint64_t memory_bytes = 0;
};

Machine this_machine();

}  // namespace aio_bench
