// SPDX-License-Identifier: MIT
// One operation on a file, by an ordinary system call. Streams: core/threads/stream_io.h.
#pragma once

#include "core/io_operation.h"

namespace kaio::blocking_io {

// Transfers at `operation.offset_bytes`, or syncs. Bytes, or a negative error
// number; may be short. At most 0x7ffff000 bytes, as the kernel.
std::int32_t perform(const IoOperation& operation) noexcept;

}  // namespace kaio::blocking_io
