// SPDX-License-Identifier: MIT
// What a person reads: in lines of at most so many columns, down to 40.
#pragma once

#include "report/report.h"
#include "run/options.h"

#include <string>

namespace aio_bench {

// What is going to be measured, on what, and for how long.
std::string heading_text(const Options& options, const Report& report, unsigned width = 100);

// What else there is to say, from the `first` note on.
std::string notes_text(const Report& report, std::size_t first, unsigned width = 100);

// The figures, one table for each kind of work, and what the words in it mean.
// Columns that have no room are left out, and named.
std::string table_text(const Options& options, const Report& report, unsigned width = 100);

}  // namespace aio_bench
