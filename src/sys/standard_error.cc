// SPDX-License-Identifier: MIT
#include "sys/standard_error.h"

#include <cerrno>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "sys/descriptors.h"
#include "sys/direct_call.h"
#include "sys/signals_held.h"

namespace kaio::sys {

void StandardError::remember(KeepCopy keep_copy) noexcept {
  const int saved_errno = errno;
  is_known_ = ::fstat(STDERR_FILENO, &original_) == 0;
  if (is_known_ && keep_copy == KeepCopy::yes) {
    copy_ = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, own_descriptors_min);
    if (copy_ < 0) copy_ = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  }
  errno = saved_errno;
}

bool StandardError::is_original(int fd) const noexcept {
  struct stat now {};
  return is_known_ && fd >= 0 && ::fstat(fd, &now) == 0 && now.st_dev == original_.st_dev &&
         now.st_ino == original_.st_ino && now.st_rdev == original_.st_rdev;
}

int StandardError::number() const noexcept {
  const int saved_errno = errno;
  const int fd = is_original(STDERR_FILENO) ? STDERR_FILENO : is_original(copy_) ? copy_ : -1;
  errno = saved_errno;
  return fd;
}

void StandardError::write(const char* text, std::size_t size_bytes) const noexcept {
  const int fd = number();
  if (fd < 0) return;
  const WriteSignalsHeld held;
  for (std::size_t done = 0; done < size_bytes;) {
    const long count =
        direct_call(SYS_write, fd, text + done, static_cast<long>(size_bytes - done));
    if (count == -EINTR) continue;
    if (count <= 0) return;
    done += static_cast<std::size_t>(count);
  }
}

void StandardError::write_if_ready(const char* text, std::size_t size_bytes) const noexcept {
  pollfd look{.fd = number(), .events = POLLOUT, .revents = 0};
  const timespec no_time{};
  if (look.fd < 0 || direct_call(SYS_ppoll, &look, 1, &no_time, nullptr, 0) <= 0) return;
  if ((look.revents & POLLOUT) != 0) write(text, size_bytes);
}

}  // namespace kaio::sys
