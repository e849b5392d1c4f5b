// SPDX-License-Identifier: MIT
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/direct_call.h"

namespace kaio::sys {

// close(), and no cancellation point (cancellation.h). ThreadSanitizer has to see it: it
// takes the next use of the number for a race else.
inline void close_descriptor(int fd) noexcept {
#ifdef __SANITIZE_THREAD__
  ::close(fd);
#else
  direct_call(SYS_close, fd);
#endif
}

// Where descriptors of kaio's begin, if the limit of the process allows.
inline constexpr int own_descriptors_min = 768;

// Moves a descriptor that was just made out of the way of the program's. Those get the
// lowest free numbers, so a new one may have the number that the program has just closed:
// a request on that number is to say EBADF, not to read from us. Returns the number that
// it has now. Leaves errno undefined.
inline int out_of_the_way(int fd) noexcept {
  if (fd < 0) return fd;
  const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, own_descriptors_min);
  if (moved < 0) return fd;
  close_descriptor(fd);
  return moved;
}

}  // namespace kaio::sys
