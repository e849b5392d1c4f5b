// SPDX-License-Identifier: MIT
// The picture: I/Os per second against depth, drawn by gnuplot.
#pragma once

#include "run/options.h"
#include "run/report.h"

namespace aio_bench {

// Throws RunError when there is no gnuplot, so that it can be known before the
// measurements.
void check_gnuplot();

// Throws RunError.
void draw_plot(const Options& options, const Report& report);

}  // namespace aio_bench
