// SPDX-License-Identifier: MIT
// All measurements of a run, and what came out of them.
#pragma once

#include "histogram.h"
#include "options.h"
#include "statistics.h"
#include "target.h"

#include <string>
#include <vector>

namespace aio_bench {

// One engine at one depth and cache mode, over the repeats so far.
struct Result {
  std::string engine_name;
  Cache cache = Cache::direct;
  unsigned depth = 1;
  std::vector<double> io_per_second{};
  std::vector<double> cpu_us_per_io{};
  std::uint64_t io_count = 0;
  Histogram latency_ns{};  // all repeats together
  Histogram submit_ns{};
};

struct Report {
  std::vector<Result> results;  // by cache, depth, engine; only those with a repeat
  std::vector<std::string> notes;
  unsigned measurements_planned = 0;
  unsigned measurements_done = 0;
  std::string failure;  // why it ended early, other than by Ctrl-C

  bool is_complete() const noexcept { return measurements_done == measurements_planned; }
};

// Leave out, with a note, what cannot be used here and was not asked for by name:
// engines, O_DIRECT. Throw RunError or UsageError for what was asked for.
void adapt_to_machine(Options& options, Report& report);
void adapt_to_target(Options& options, const Target& target, Report& report);

// Runs round by round, each over all engines in turn, so that a noisy machine is
// fair to all. Ends early, with what there is, on Ctrl-C and when an engine fails.
void run_session(const Options& options, const Target& target, Report& report);

}  // namespace aio_bench
