// SPDX-License-Identifier: MIT
#pragma once

#include "verify/verify_engine.h"

#include <cerrno>
#include <sys/uio.h>

namespace aio_bench {

// One preadv2 or pwritev2, which blocks. The bytes, or a negative error number.
inline std::int64_t transfer_now(int fd, const VerifyRequest& request) noexcept {
  const iovec vector{.iov_base = request.buffer, .iov_len = request.size_bytes};
  const auto offset = static_cast<off_t>(request.offset_bytes);
  const ssize_t count = request.is_write ? ::pwritev2(fd, &vector, 1, offset, 0)
                                         : ::preadv2(fd, &vector, 1, offset, 0);
  return count < 0 ? -errno : count;
}

}  // namespace aio_bench
