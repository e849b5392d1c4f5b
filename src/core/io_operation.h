// SPDX-License-Identifier: MIT
// What was asked for, and how much of it is still to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <sys/uio.h>

namespace kaio {

enum class Opcode : std::uint8_t { read, write, fsync, fdatasync };

struct IoOperation {
  // Moves on as parts of the transfer complete. When vectored, `buffer` points
  // to our copy of the iovec array and `size` counts its entries.
  void* buffer = nullptr;
  std::size_t size = 0;
  std::int64_t offset_bytes = 0;
  std::int32_t fd = -1;
  std::uint16_t rw_flags = 0;  // RWF_* that the caller asked for
  Opcode opcode : 2 = Opcode::read;
  bool vectored : 1 = false;
  std::uint8_t priority : 5 = 0;  // aio_reqprio: 0 (first) .. 20

  bool is_read() const noexcept { return opcode == Opcode::read; }
  bool is_write() const noexcept { return opcode == Opcode::write; }
  bool is_sync() const noexcept { return opcode >= Opcode::fsync; }
  iovec* vector() const noexcept { return static_cast<iovec*>(buffer); }

  std::size_t remaining_bytes() const noexcept {
    if (!vectored) return size;
    std::size_t total = 0;
    for (std::size_t i = 0; i < size; ++i) total += vector()[i].iov_len;
    return total;
  }

  // Takes `count` transferred bytes off the front. Entries of a vector that are
  // used up stay, with length 0, which the kernel skips.
  void advance(std::size_t count) noexcept {
    offset_bytes += static_cast<std::int64_t>(count);
    if (!vectored) {
      buffer = static_cast<char*>(buffer) + count;
      size -= count;
      return;
    }
    for (std::size_t i = 0; count > 0 && i < size; ++i) {
      iovec& part = vector()[i];
      const std::size_t used = count < part.iov_len ? count : part.iov_len;
      part.iov_base = static_cast<char*>(part.iov_base) + used;
      part.iov_len -= used;
      count -= used;
    }
  }
};
static_assert(sizeof(IoOperation) == 32);

}  // namespace kaio
