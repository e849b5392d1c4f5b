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

// Whether read_cached() can be asked.
bool can_read_cached(const Operation& operation) noexcept;

// Reads what is asked for if all of it is in the page cache: its size. Otherwise what the
// kernel says instead: less, or a negative error number, -EINVAL if the descriptor is
// O_DIRECT. Does not wait for a device.
std::int64_t read_cached(const Operation& operation) noexcept;

}  // namespace kaio::blocking_io
