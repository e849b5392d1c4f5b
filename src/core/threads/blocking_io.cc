// SPDX-License-Identifier: MIT
#include "core/threads/blocking_io.h"

#include <cerrno>
#include <sys/uio.h>
#include <unistd.h>

#include "core/threads/call_vector.h"

namespace kaio::blocking_io {
namespace {

ssize_t transfer_with_flags(const IoOperation& operation) noexcept {
  // -1 would be the position of the file, which is nothing of ours.
  if (operation.offset_bytes < 0) {
    errno = EINVAL;
    return -1;
  }
  CallVector vector(operation);
  const auto call = operation.is_read() ? ::preadv2 : ::pwritev2;
  return call(operation.fd, vector.parts(), vector.count(), operation.offset_bytes,
              static_cast<int>(operation.rw_flags));
}

// The calls without flags are there for every kind of file and every kernel.
ssize_t plain_transfer(const IoOperation& operation) noexcept {
  if (operation.rw_flags != 0) return transfer_with_flags(operation);
  if (operation.vectored) {
    CallVector vector(operation);
    return operation.is_read()
               ? ::preadv(operation.fd, vector.parts(), vector.count(), operation.offset_bytes)
               : ::pwritev(operation.fd, vector.parts(), vector.count(), operation.offset_bytes);
  }
  return operation.is_read()
             ? ::pread(operation.fd, operation.buffer, operation.size, operation.offset_bytes)
             : ::pwrite(operation.fd, operation.buffer, operation.size, operation.offset_bytes);
}

std::int32_t outcome(ssize_t size) noexcept {
  return static_cast<std::int32_t>(size < 0 ? -errno : size);
}

}  // namespace

std::int32_t perform(const IoOperation& operation) noexcept {
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

}  // namespace kaio::blocking_io
