// SPDX-License-Identifier: MIT
// One transfer of a stream by an ordinary system call, without waiting for data or room,
// whether the descriptor is non-blocking or not, and on kernels that do not know
// RWF_NOWAIT there (core/descriptor_kind.h).
//
// A message stays one, and so does what goes into a pipe with no more than PIPE_BUF
// bytes. What is left to do after a short transfer is tried again by the caller.
#pragma once

#include "core/descriptor_kind.h"
#include "core/io_operation.h"

namespace kaio::stream_io {

// It ends with EAGAIN, as read() or write() does: the descriptor is non-blocking, or its
// driver says so of its own accord.
inline constexpr std::int32_t ends_with_eagain = INT32_MIN;

// Bytes, a negative error number, or ends_with_eagain. -EAGAIN: there is neither data nor
// room, so wait.
//
// It may block in one case: another reader, or writer, was faster after the descriptor
// had been found ready, and there is no call that would say so. It then goes on when data
// or room come again. That is so for devices, the master of a pty and what has no type,
// and for pipes where /proc is not there, or not to be opened.
std::int32_t attempt(const IoOperation& operation, DescriptorKind kind) noexcept;

}  // namespace kaio::stream_io
