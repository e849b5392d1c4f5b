// SPDX-License-Identifier: MIT
#pragma once

#include "engines/engine.h"

#include <cerrno>
#include <sys/uio.h>
#include <unistd.h>

namespace aio_bench {

// Carries the transfer out in one system call: bytes, or a negative error number.
inline std::int64_t carry_out(int fd, const Transfer& transfer) noexcept {
  const iovec whole{.iov_base = transfer.buffer, .iov_len = transfer.size_bytes};
  const std::span<const iovec> pieces =
      transfer.pieces.empty() ? std::span(&whole, 1) : transfer.pieces;
  const int count = static_cast<int>(pieces.size());
  ssize_t result = 0;
  switch (transfer.operation) {
    case Operation::sync:
      result = ::fsync(fd);
      break;
    case Operation::write:
      result = ::pwritev2(fd, pieces.data(), count, transfer.offset_bytes, 0);
      break;
    default:
      result = ::preadv2(fd, pieces.data(), count, transfer.offset_bytes, 0);
      break;
  }
  return result < 0 ? -errno : result;
}

}  // namespace aio_bench
