// SPDX-License-Identifier: MIT
#include "sys/doorbell.h"

#include <cerrno>
#include <cstdint>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sys/cancellation.h"
#include "sys/descriptors.h"

namespace kaio::sys {

int make_doorbell(int flags) noexcept {
  const NoCancellation no_cancellation;
  const int saved_errno = errno;
  const int made = out_of_the_way(::eventfd(0, EFD_CLOEXEC | flags));
  errno = saved_errno;
  return made;
}

void ring(int doorbell) noexcept {
  const NoCancellation no_cancellation;
  const int saved_errno = errno;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(doorbell, &one, sizeof one);
  errno = saved_errno;
}

void hear(int doorbell) noexcept {
  const NoCancellation no_cancellation;
  const int saved_errno = errno;
  std::uint64_t rings = 0;
  [[maybe_unused]] const ssize_t size = ::read(doorbell, &rings, sizeof rings);
  errno = saved_errno;
}

}  // namespace kaio::sys
