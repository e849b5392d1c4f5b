// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "sys/direct_call.h"

namespace kaio::sys {

// RLIMIT_FSIZE as it is now: the program may change it at any time, and so may others, by
// prlimit(). RLIM_INFINITY: none. getrlimit takes half as long as prlimit, but some machines
// do not have it, and on 32-bit ones its answer is too small.
inline std::uint64_t file_size_limit_bytes() noexcept {
  struct {
    std::uint64_t soft, hard;
  } limit{};
  constexpr auto which = static_cast<long>(RLIMIT_FSIZE);
  long outcome = -1;
#if defined(__LP64__) && defined(SYS_getrlimit)
  outcome = direct_call(SYS_getrlimit, which, &limit);
#endif
  if (outcome != 0) outcome = direct_call(SYS_prlimit64, 0, which, nullptr, &limit);
  return outcome == 0 ? limit.soft : std::uint64_t{RLIM_INFINITY};
}

}  // namespace kaio::sys
