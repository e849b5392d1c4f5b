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

// Another number for the same open file, which the program cannot give to another one
// meanwhile. Not for regular files: closing it drops the process's record locks on them.
class Duplicate {
 public:
  explicit Duplicate(int fd) noexcept
      : fd_(static_cast<int>(direct_call(SYS_fcntl, fd, static_cast<long>(F_DUPFD_CLOEXEC),
                                         static_cast<long>(own_descriptors_min)))) {}
  ~Duplicate() {
    if (exists()) close_descriptor(fd_);
  }
  Duplicate(const Duplicate&) = delete;
  Duplicate& operator=(const Duplicate&) = delete;
  // False: there is none to be had.
  bool exists() const noexcept { return fd_ >= 0; }
  int fd() const noexcept { return fd_; }

 private:
  const int fd_;
};

}  // namespace kaio::sys
