// SPDX-License-Identifier: MIT
#pragma once

#include "kaio/aio.h"

namespace kaio {

// All zero before the first request.
kaio_statistics gather_statistics() noexcept;

// Has them printed to standard error at exit if the option `stats` is set then.
void print_statistics_at_exit() noexcept;

}  // namespace kaio
