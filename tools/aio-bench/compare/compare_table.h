// SPDX-License-Identifier: MIT
#pragma once

#include "compare/changes.h"

#include <string>

namespace aio_bench {

// Within so many columns; what has no room is named.
std::string comparison_text(const StoredRun& before, const StoredRun& after,
                            const Comparison& comparison, double threshold, bool show_all,
                            unsigned width);

}  // namespace aio_bench
