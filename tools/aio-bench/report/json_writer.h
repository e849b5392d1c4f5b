// SPDX-License-Identifier: MIT
// The figures for programs, as json-format.md says.
#pragma once

#include "report/report.h"
#include "run/options.h"

namespace aio_bench {

// Throws RunError.
void write_json(const Options& options, const Report& report);

}  // namespace aio_bench
