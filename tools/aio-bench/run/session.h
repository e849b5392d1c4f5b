// SPDX-License-Identifier: MIT
// All measurements of a run.
#pragma once

#include "report/report.h"
#include "run/options.h"

namespace aio_bench {

// Leave out, with a note, what cannot be used here and was not asked for by name:
// engines, O_DIRECT. Throw RunError or UsageError for what was asked for.
void adapt_to_machine(Options& options, Report& report);
void adapt_to_targets(Options& options, Report& report);

// The results to be, empty, in the order in which they are shown.
void plan_results(const Options& options, Report& report);

// How long a run takes, without preparing targets.
double planned_seconds(const Options& options, const Report& report);

// Runs round by round, each over all engines in turn, so that a noisy machine is
// fair to all. Ends early, with what there is, on Ctrl-C and when an engine fails.
void run_session(const Options& options, Report& report);

}  // namespace aio_bench
