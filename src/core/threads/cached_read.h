// SPDX-License-Identifier: MIT
// Reads of what is in the page cache, by the thread that asks for them and without waiting
// for a device.
//
// RWF_NOWAIT keeps buffered reads from waiting, but not direct ones. The number may have
// become such a descriptor, and the flag can be set at any time; to ask before each read
// takes a tenth of it. So one byte goes to an odd address, apart from the others: no
// O_DIRECT transfer may lie so, and file systems refuse it, or read by the page cache.
//
// The last byte, so that the others are copied to where they are aligned. Since Linux 6.18
// the alignment of a transfer that has to be split is looked at part by part, each when its
// turn comes: so of a large one it is the first byte, where it costs little.
#pragma once

#include <cstdint>
#include <iterator>
#include <linux/fs.h>
#include <sys/syscall.h>

#include "core/io_operation.h"
#include "sys/direct_call.h"

namespace kaio::cached_read {

// Devices take so much at once. One that did not would be waited for, once for each time
// that its number is taken for a cached file's.
inline constexpr std::size_t whole_bytes_max = 16384;

// Whether it can be tried.
inline bool suits(const IoOperation& operation) noexcept {
  if (!operation.is_read() || operation.vectored || operation.rw_flags != 0 ||
      operation.offset_bytes < 0)  // -1: at the file's own position
    return false;
  // We store the odd byte: only where the kernel has stored its neighbour, in the same page.
  constexpr std::uintptr_t page_bytes_min = 4096;
  const auto begin = reinterpret_cast<std::uintptr_t>(operation.buffer);
  const std::uintptr_t end_of_first =
      operation.size <= whole_bytes_max ? begin + operation.size - 1 : begin + 1;
  return operation.size >= 2 && end_of_first % page_bytes_min != 0;
}

// Reads what is asked for if all of it is in the page cache: its size. Otherwise what the
// kernel says instead: less, or a negative error number, -EINVAL if the descriptor is
// O_DIRECT.
inline std::int64_t perform(const IoOperation& operation) noexcept {
  auto* const buffer = static_cast<char*>(operation.buffer);
  const bool last = operation.size <= whole_bytes_max;
  alignas(2) char pair[2];
  const iovec odd{.iov_base = &pair[1], .iov_len = 1};
  const iovec others{.iov_base = last ? buffer : buffer + 1, .iov_len = operation.size - 1};
  const iovec parts[] = {last ? others : odd, last ? odd : others};
  const long size = sys::direct_call(SYS_preadv2, operation.fd, parts, std::size(parts),
                                     operation.offset_bytes, 0, RWF_NOWAIT);
  if (size >= 0 && static_cast<std::size_t>(size) == operation.size)
    buffer[last ? operation.size - 1 : 0] = pair[1];
  return size;
}

}  // namespace kaio::cached_read
