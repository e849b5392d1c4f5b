// SPDX-License-Identifier: MIT
// The flags of aio_read2() and aio_write2(): the kernel's RWF_*, but for one.
#pragma once

#include <cstdint>
#include <linux/fs.h>

#include "kaio/aio.h"

namespace kaio {

static_assert(AIO_OP2_HIPRI == RWF_HIPRI && AIO_OP2_DSYNC == RWF_DSYNC);
static_assert(AIO_OP2_SYNC == RWF_SYNC && AIO_OP2_APPEND == RWF_APPEND);

constexpr bool are_read_flags(int flags) {
  return (flags & ~(AIO_OP2_VECTORED | AIO_OP2_HIPRI | AIO_OP2_DONTCACHE)) == 0;
}

constexpr bool are_write_flags(int flags) {
  return (flags & ~(AIO_OP2_VECTORED | AIO_OP2_HIPRI | AIO_OP2_DSYNC | AIO_OP2_SYNC |
                    AIO_OP2_APPEND | AIO_OP2_ATOMIC | AIO_OP2_DONTCACHE)) == 0;
}

constexpr std::uint16_t rw_flags_of(int flags) {
  return static_cast<std::uint16_t>(flags & ~AIO_OP2_VECTORED);
}

}  // namespace kaio
