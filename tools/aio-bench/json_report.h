// SPDX-License-Identifier: MIT
// The figures for programs. Format 1: members are only ever added; the units are
// in the names.
#pragma once

#include "options.h"
#include "session.h"
#include "target.h"

#include <string>

namespace aio_bench {

// Throws RunError when `path` cannot be written, so that it can be known before
// the measurements; makes and changes nothing.
void check_json_path(const std::string& path);

// Throws RunError.
void write_json(const Options& options, const Target& target, const Report& report);

}  // namespace aio_bench
