// SPDX-License-Identifier: MIT
#include "sys/doorbell.h"

#include <cerrno>
#include <cstdint>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include "sys/cancellation.h"
#include "sys/descriptors.h"
#include "sys/direct_call.h"

namespace kaio::sys {

int make_doorbell(int flags) noexcept {
  const NoCancellation no_cancellation;
  const int saved_errno = errno;
  const int made = out_of_the_way(::eventfd(0, EFD_CLOEXEC | flags));
  errno = saved_errno;
  return made;
}

void ring(int doorbell) noexcept {
  const std::uint64_t one = 1;
  direct_call(SYS_write, doorbell, &one, sizeof one);
}

void hear(int doorbell) noexcept {
  std::uint64_t rings = 0;
  direct_call(SYS_read, doorbell, &rings, sizeof rings);
}

}  // namespace kaio::sys
