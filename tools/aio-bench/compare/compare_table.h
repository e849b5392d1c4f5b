// SPDX-License-Identifier: MIT
#pragma once

#include "compare/changes.h"

#include <string>

namespace aio_bench {

// Within 100 columns.
std::string comparison_text(const StoredRun& before, const StoredRun& after,
                            const Comparison& comparison, double threshold, bool show_all);

}  // namespace aio_bench
