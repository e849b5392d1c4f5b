// SPDX-License-Identifier: MIT
// What a person reads: at most 100 columns.
#pragma once

#include "run/options.h"
#include "run/report.h"

#include <string>

namespace aio_bench {

// What is going to be measured, on what, and for how long.
std::string heading_text(const Options& options, const Report& report);

// What else there is to say, from the `first` note on.
std::string notes_text(const Report& report, std::size_t first);

// The figures, one table for each kind of work, and what the words in it mean.
std::string table_text(const Options& options, const Report& report);

}  // namespace aio_bench
