// SPDX-License-Identifier: MIT
#pragma once

#include <aio.h>

namespace kaio {

// The bodies of aio_read() and aio_write(): as submit_one().
int read_straight(aiocb* control_block) noexcept;
int write_straight(aiocb* control_block) noexcept;

}  // namespace kaio
