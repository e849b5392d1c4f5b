// SPDX-License-Identifier: MIT
//
// What the kernel tests are about and the other tests do not have, and the
// questions that decide whether a test applies to this machine.
#pragma once

#include "support/aligned_buffer.h"
#include "support/channel.h"
#include "support/fd.h"
#include "support/precondition.h"

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <fcntl.h>
#include <string_view>
#include <sys/socket.h>

namespace fixtures {

using support::AlignedBuffer;
using support::Fd;
using support::FdPair;

Fd open_path(const char* path, int flags);

// An unlinked file of `size_bytes` of 'x' in the directory for test files,
// written to its device and still in the cache.
Fd make_file(std::size_t size_bytes, int extra_flags = 0);
// The same on tmpfs.
Fd make_tmpfs_file(std::size_t size_bytes);
// Takes the file's pages out of the cache.
void make_cold(const Fd& file);
// What write() takes of it all, or an exception.
void write_all(const Fd& file, const void* data, std::size_t size_bytes);
void append(const Fd& stream, std::string_view text);

using support::Precondition;
Precondition on_ext4();  // test files lie on ext4
Precondition with_tmpfs();
Precondition with_proc();  // fs.aio-nr can be read

// Pipes and sockets know RWF_NOWAIT.
inline bool streams_have_nowait() { return support::kernel_is_at_least(6, 4); }
inline Precondition with_nowait_streams() { return support::from_kernel(6, 4); }
inline Precondition without_nowait_streams() { return support::before_kernel(6, 4); }

}  // namespace fixtures
