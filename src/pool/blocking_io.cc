// SPDX-License-Identifier: MIT
#include "pool/blocking_io.h"

#include <algorithm>
#include <cerrno>
#include <linux/fs.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

namespace kaio::blocking_io {
namespace {

// A terminal takes bytes one way only: a write there waits until all of it is
// taken. So after POLLOUT it is offered little at a time.
constexpr std::size_t terminal_write_bytes = 512;

class Vector {
 public:
  explicit Vector(const Operation& operation) noexcept
      : single_{.iov_base = operation.buffer, .iov_len = operation.size},
        parts_(operation.vectored ? operation.vector() : &single_),
        count_(operation.vectored ? static_cast<int>(operation.size) : 1) {}
  Vector(const Vector&) = delete;
  Vector& operator=(const Vector&) = delete;
  const iovec* parts() const noexcept { return parts_; }
  int count() const noexcept { return count_; }

 private:
  iovec single_;
  const iovec* parts_;
  int count_;
};

ssize_t transfer(const Operation& operation, off_t offset, int flags) noexcept {
  const Vector vector(operation);
  const auto call = operation.is_read() ? ::preadv2 : ::pwritev2;
  return call(operation.fd, vector.parts(), vector.count(), offset, flags);
}

// The calls without flags are there for every kind of file and every kernel.
ssize_t plain_transfer(const Operation& operation) noexcept {
  if (operation.vectored || operation.rw_flags != 0) {
    if (operation.rw_flags != 0)
      return transfer(operation, operation.offset_bytes, operation.rw_flags);
    const Vector vector(operation);
    return operation.is_read()
               ? ::preadv(operation.fd, vector.parts(), vector.count(), operation.offset_bytes)
               : ::pwritev(operation.fd, vector.parts(), vector.count(), operation.offset_bytes);
  }
  return operation.is_read()
             ? ::pread(operation.fd, operation.buffer, operation.size, operation.offset_bytes)
             : ::pwrite(operation.fd, operation.buffer, operation.size, operation.offset_bytes);
}

bool is_ready(const Operation& operation) noexcept {
  pollfd look{.fd = operation.fd,
              .events = static_cast<short>(operation.is_read() ? POLLIN : POLLOUT),
              .revents = 0};
  return ::poll(&look, 1, 0) != 0;
}

ssize_t stream_transfer(const Operation& operation) noexcept {
  const Vector vector(operation);
  if (operation.is_read()) return ::readv(operation.fd, vector.parts(), vector.count());
  // The first part that has anything in it, and not too much of it.
  int first = 0;
  while (first + 1 < vector.count() && vector.parts()[first].iov_len == 0) ++first;
  const iovec& part = vector.parts()[first];
  return ::write(operation.fd, part.iov_base, std::min(part.iov_len, terminal_write_bytes));
}

std::int32_t outcome(ssize_t size) noexcept {
  return static_cast<std::int32_t>(size < 0 ? -errno : size);
}

}  // namespace

std::int32_t perform(const Operation& operation) noexcept {
  for (;;) {
    ssize_t size = 0;
    if (operation.is_sync()) {
      size = operation.opcode == Opcode::fsync ? ::fsync(operation.fd) : ::fdatasync(operation.fd);
    } else {
      size = plain_transfer(operation);
    }
    // Our threads take no signals; a debugger or a freezer can still interrupt.
    if (size >= 0 || errno != EINTR) return outcome(size);
  }
}

std::int32_t perform_if_ready(const Operation& operation) noexcept {
  const ssize_t size = transfer(operation, -1, static_cast<int>(operation.rw_flags | RWF_NOWAIT));
  if (size >= 0 || errno != EOPNOTSUPP) return outcome(size);
  if (operation.remaining_bytes() != 0 && !is_ready(operation)) return -EAGAIN;
  return outcome(stream_transfer(operation));
}

}  // namespace kaio::blocking_io
