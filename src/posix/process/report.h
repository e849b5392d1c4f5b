// SPDX-License-Identifier: MIT
#pragma once

#include "core/statistics.h"
#include "kaio/aio.h"

namespace kaio {

// All zero before the first request.
kaio_statistics gather_statistics() noexcept;

// As the member of struct kaio_statistics that it becomes.
const char* name_of(Count count) noexcept;

// Has them printed at exit if the option `stats` is set then, with program, process, date,
// machine and kernel: to standard error as it is now, if it can still be reached. Called when
// the library is loaded with KAIO_STATS=1, so that a process without requests tells so too,
// and else when the option is set or the first request is made. A child of fork() prints its
// own. Further calls do nothing.
void print_statistics_at_exit() noexcept;

}  // namespace kaio
