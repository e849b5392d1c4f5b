// SPDX-License-Identifier: MIT
#pragma once

namespace aio_bench {

// `aio-bench plot`; as the functions of commands.h.
int plot_command(int argument_count, const char* const* arguments);

}  // namespace aio_bench
