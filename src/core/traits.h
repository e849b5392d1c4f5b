// SPDX-License-Identifier: MIT
// What a descriptor is, as far as it decides the way of a request.
#pragma once

#include <cstdint>
#include <linux/fs.h>

#include "core/descriptor_kind.h"
#include "core/io_operation.h"

namespace kaio {

// The highest of the guesses whether a transfer of a file would block; the lowest is 0.
inline constexpr std::uint8_t surely_blocks = 7;

struct DescriptorTraits {
  DescriptorKind kind = DescriptorKind::unknown;
  bool append : 1 = false;
  bool direct : 1 = false;
  bool non_blocking : 1 = false;
  bool readable : 1 = true;
  bool writable : 1 = true;
  bool synchronous : 1 = false;            // a write ends when it is durable: O_DSYNC, O_SYNC
  bool refuses_nowait_reads : 1 = false;   // RWF_NOWAIT was refused, here or on
  bool refuses_nowait_writes : 1 = false;  // its device

  bool open_for(bool to_read) const noexcept { return to_read ? readable : writable; }
  bool refuses_nowait(bool to_read) const noexcept {
    return to_read ? refuses_nowait_reads : refuses_nowait_writes;
  }
  bool known() const noexcept { return kind != DescriptorKind::unknown; }
  bool is_stream() const noexcept { return kaio::is_stream(kind); }
};
static_assert(sizeof(DescriptorTraits) == 2);

// Whether it is a write to the end of its file, whatever offset it has been given.
inline bool appends(const IoOperation& operation, const DescriptorTraits& traits) noexcept {
  constexpr std::uint32_t rwf_noappend = 0x00000020;  // Linux 6.9
  const bool by_file = traits.append && (operation.rw_flags & rwf_noappend) == 0;
  return operation.is_write() && (by_file || (operation.rw_flags & RWF_APPEND) != 0);
}

}  // namespace kaio
