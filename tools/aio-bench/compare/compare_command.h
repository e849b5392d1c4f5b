// SPDX-License-Identifier: MIT
#pragma once

namespace aio_bench {

// `aio-bench compare`; as the functions of commands.h.
int compare_command(int argument_count, const char* const* arguments);

}  // namespace aio_bench
