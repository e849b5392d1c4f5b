// SPDX-License-Identifier: MIT
// The figures for programs, as json-format.md says.
#pragma once

#include "run/options.h"
#include "run/report.h"

#include <string>

namespace aio_bench {

// Throws RunError when `path` cannot be written, so that it can be known before
// the measurements; makes and changes nothing.
void check_writable(const std::string& option, const std::string& path);

// Throws RunError.
void write_json(const Options& options, const Report& report);

}  // namespace aio_bench
