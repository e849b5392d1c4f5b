// SPDX-License-Identifier: MIT
// One operation by an ordinary system call.
#pragma once

#include "request/operation.h"
#include "request/traits.h"

namespace kaio::blocking_io {

// Transfers at `operation.offset_bytes`, or syncs. Bytes, or a negative error
// number; may be short. At most 0x7ffff000 bytes, as the kernel.
std::int32_t perform(const Operation& operation) noexcept;

// The same for a stream, without waiting for data or room: -EAGAIN when there is
// none, whether the descriptor is non-blocking or not.
std::int32_t perform_if_ready(const Operation& operation) noexcept;

}  // namespace kaio::blocking_io
