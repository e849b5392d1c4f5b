// SPDX-License-Identifier: MIT
// What a person reads: at most 100 columns.
#pragma once

#include "options.h"
#include "session.h"
#include "target.h"

#include <string>

namespace aio_bench {

// What is going to be measured, on what.
std::string heading_text(const Options& options, const Target& target, const Report& report);

// The figures, one table per cache mode, and what the words in it mean.
std::string table_text(const Options& options, const Report& report);

}  // namespace aio_bench
