// SPDX-License-Identifier: MIT
#include "core/threads/stream_io.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/major.h>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

#include "core/threads/call_vector.h"
#include "sys/descriptors.h"

namespace kaio::stream_io {
namespace {

// A terminal takes bytes one way only: a write there waits until all of it is taken. So
// after POLLOUT it is offered little at a time.
constexpr std::size_t terminal_write_bytes = 512;

// What every read and write of a descriptor without a type takes at least, and says
// EINVAL of less: a count, or the head of an event.
constexpr std::size_t untyped_bytes_min = 8;

std::int32_t outcome(ssize_t size) noexcept {
  return static_cast<std::int32_t>(size < 0 ? -errno : size);
}

// The same, of a call that waits if it has to: EAGAIN is not about us.
std::int32_t final_outcome(ssize_t size) noexcept {
  return size < 0 && errno == EAGAIN ? ends_with_eagain : outcome(size);
}

ssize_t nowait(const IoOperation& operation) noexcept {
  CallVector vector(operation);
  const auto call = operation.is_read() ? ::preadv2 : ::pwritev2;
  return call(operation.fd, vector.parts(), vector.count(), -1,
              static_cast<int>(operation.rw_flags | RWF_NOWAIT));
}

// A filter says what it likes of every call. Without one, no such descriptor is the error.
bool is_filtered(bool to_read) noexcept {
  iovec nothing{};
  const auto call = to_read ? ::preadv2 : ::pwritev2;
  return call(-1, &nothing, 1, -1, RWF_NOWAIT) < 0 && errno != EBADF;
}

bool lacks_nowait(bool to_read, int error_number) noexcept {
  switch (error_number) {
    case EOPNOTSUPP:
      return true;
    case EPERM:
    case EACCES:
    case ENOSYS:
      return is_filtered(to_read);
    default:
      return false;
  }
}

ssize_t plain(const IoOperation& operation, int fd) noexcept {
  if (!operation.vectored)
    return operation.is_read() ? ::read(fd, operation.buffer, operation.size)
                               : ::write(fd, operation.buffer, operation.size);
  CallVector vector(operation);
  return operation.is_read() ? ::readv(fd, vector.parts(), vector.count())
                             : ::writev(fd, vector.parts(), vector.count());
}

// Writes of the first part that has anything in it, and not too much of it.
ssize_t write_little(const IoOperation& operation, std::size_t bytes_max) noexcept {
  CallVector vector(operation);
  int first = 0;
  while (first + 1 < vector.count() && vector.parts()[first].iov_len == 0) ++first;
  const iovec& part = vector.parts()[first];
  return ::write(operation.fd, part.iov_base, std::min(part.iov_len, bytes_max));
}

// Whether the call is allowed and there at all, for that direction: a vector without a
// byte in it is turned back after just that, before the file is asked. 0 or an error number.
int refusal(const IoOperation& operation) noexcept {
  iovec nothing{};
  const auto call = operation.is_read() ? ::readv : ::writev;
  return call(operation.fd, &nothing, 1) < 0 ? errno : 0;
}

bool is_ready(const IoOperation& operation) noexcept {
  pollfd look{.fd = operation.fd,
              .events = static_cast<short>(operation.is_read() ? POLLIN : POLLOUT),
              .revents = 0};
  return ::poll(&look, 1, 0) != 0;
}

// The same file by an open file description of our own, which nobody but us finds
// non-blocking. For a moment only: as long as it is there a pipe has one more end.
class OwnDescription {
 public:
  OwnDescription(int fd, bool to_read, int status_flags) noexcept {
    char path[32];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    fd_ = ::open(path, (to_read ? O_RDONLY : O_WRONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    // Of a pipe: packets. open() refuses the flag there.
    if (fd_ >= 0 && !to_read && (status_flags & O_DIRECT) != 0 &&
        ::fcntl(fd_, F_SETFL, O_NONBLOCK | O_DIRECT) != 0)
      close();
  }
  ~OwnDescription() { close(); }
  OwnDescription(const OwnDescription&) = delete;
  OwnDescription& operator=(const OwnDescription&) = delete;
  bool exists() const noexcept { return fd_ >= 0; }
  int fd() const noexcept { return fd_; }

 private:
  void close() noexcept {
    if (fd_ < 0) return;
    const int saved = errno;
    sys::close_descriptor(fd_);
    errno = saved;
    fd_ = -1;
  }
  int fd_ = -1;
};

std::int32_t by_message(const IoOperation& operation) noexcept {
  CallVector vector(operation);
  msghdr message{};
  message.msg_iov = vector.parts();
  message.msg_iovlen = static_cast<std::size_t>(vector.count());
  if (operation.is_read()) return outcome(::recvmsg(operation.fd, &message, MSG_DONTWAIT));
  int type = 0;
  socklen_t type_bytes = sizeof type;
  ::getsockopt(operation.fd, SOL_SOCKET, SO_TYPE, &type, &type_bytes);
  // Each write() to a SOCK_SEQPACKET is a record of its own.
  const int record = type == SOCK_SEQPACKET ? MSG_EOR : 0;
  return outcome(::sendmsg(operation.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL | record));
}

std::int32_t of_pipe(const IoOperation& operation, int status_flags) noexcept {
  {
    const OwnDescription own(operation.fd, operation.is_read(), status_flags);
    if (own.exists()) return outcome(plain(operation, own.fd()));
  }
  if (!is_ready(operation)) return -EAGAIN;
  // When a pipe has room it has that for PIPE_BUF bytes.
  if (operation.is_read() || operation.remaining_bytes() <= PIPE_BUF)
    return final_outcome(plain(operation, operation.fd));
  return final_outcome(write_little(operation, PIPE_BUF));
}

bool is_pty_slave(int fd) noexcept {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return false;
  const unsigned device_class = major(status.st_rdev);
  return device_class >= UNIX98_PTY_SLAVE_MAJOR &&
         device_class < UNIX98_PTY_SLAVE_MAJOR + UNIX98_PTY_MAJOR_COUNT;
}

// MIN 0 and TIME 0: a read takes what there is, and nothing if there is nothing.
bool reads_do_not_wait(int fd) noexcept {
  termios settings{};
  return ::tcgetattr(fd, &settings) == 0 && (settings.c_lflag & ICANON) == 0 &&
         settings.c_cc[VMIN] == 0 && settings.c_cc[VTIME] == 0;
}

std::int32_t of_terminal(const IoOperation& operation) noexcept {
  if (!is_ready(operation)) {
    if (operation.is_read() && reads_do_not_wait(operation.fd)) return 0;
    return -EAGAIN;
  }
  if (is_pty_slave(operation.fd)) {
    const OwnDescription own(operation.fd, operation.is_read(), 0);
    if (own.exists()) return outcome(plain(operation, own.fd()));
  }
  if (operation.is_read()) return final_outcome(plain(operation, operation.fd));
  return final_outcome(write_little(operation, terminal_write_bytes));
}

bool is_untyped(int fd) noexcept {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && (status.st_mode & S_IFMT) == 0;
}

std::int32_t of_other(const IoOperation& operation) noexcept {
  if (!is_ready(operation)) {
    const std::size_t size = operation.remaining_bytes();
    if (size < untyped_bytes_min && is_untyped(operation.fd)) return -EINVAL;
    return size == 0 ? 0 : -EAGAIN;
  }
  return final_outcome(plain(operation, operation.fd));
}

// No read or write of nothing waits, but for some devices' that are made to.
std::optional<std::int32_t> of_nothing(const IoOperation& operation, DescriptorKind kind) noexcept {
  if (operation.remaining_bytes() != 0 || kind == DescriptorKind::stream) return std::nullopt;
  // A message may have no bytes.
  if (kind == DescriptorKind::socket && !operation.is_read() && !operation.vectored)
    return std::nullopt;
  return 0;
}

}  // namespace

std::int32_t attempt(const IoOperation& operation, DescriptorKind kind) noexcept {
  // It says nothing about a transfer of nothing, which not every file takes.
  if (operation.remaining_bytes() != 0) {
    const ssize_t size = nowait(operation);
    if (size >= 0 || !lacks_nowait(operation.is_read(), errno)) return outcome(size);
  }
  const int status_flags = ::fcntl(operation.fd, F_GETFL);
  if (status_flags < 0) return -errno;
  if (const int error_number = refusal(operation)) return -error_number;
  if (const auto answer = of_nothing(operation, kind)) return *answer;
  const bool non_blocking = (status_flags & O_NONBLOCK) != 0;
  if (kind == DescriptorKind::socket) return by_message(operation);
  if (non_blocking) return final_outcome(plain(operation, operation.fd));
  switch (kind) {
    case DescriptorKind::pipe:
      return of_pipe(operation, status_flags);
    case DescriptorKind::terminal:
      return of_terminal(operation);
    default:
      return of_other(operation);
  }
}

}  // namespace kaio::stream_io
