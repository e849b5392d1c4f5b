// SPDX-License-Identifier: MIT
#pragma once

#include "results/stored_run.h"

#include <string>
#include <vector>

namespace aio_bench {

// Draws all there is to be seen in the results, each picture as SVG and as PNG, and
// returns their paths, which begin with `prefix`. Throws UsageError when there are no
// results, RunError when gnuplot is missing or fails.
std::vector<std::string> draw_pictures(const std::vector<StoredRun>& runs,
                                       const std::string& prefix);

}  // namespace aio_bench
