// SPDX-License-Identifier: MIT
#pragma once

#include <aio.h>

namespace kaio {

// The body of aio_read(): as submit_one().
int read_straight(aiocb* control_block) noexcept;

}  // namespace kaio
