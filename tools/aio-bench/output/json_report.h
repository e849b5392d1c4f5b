// SPDX-License-Identifier: MIT
// The figures for programs, as json-format.md says.
#pragma once

#include "run/options.h"
#include "run/report.h"

namespace aio_bench {

// Throws RunError.
void write_json(const Options& options, const Report& report);

}  // namespace aio_bench
