// SPDX-License-Identifier: MIT
// What came out of a run, for whoever shows it.
#pragma once

#include "loads/load.h"
#include "stats/histogram.h"
#include "stats/measurement.h"
#include "stats/summary.h"
#include "targets/target.h"

#include <string>
#include <vector>

namespace aio_bench {

// Of one measurement, what is kept beside the merged histograms.
struct Repeat : Work {
  double started_seconds = 0;  // since the run began
  double cpu_us_per_io = 0;
  double context_switches_per_io = 0;
  std::optional<double> system_calls_per_io{};
  Distribution submission{}, completion{}, total{}, sync{};
};

struct Result {
  Case what;
  std::string system_calls_counted{};  // "all", or which, or "" for none
  std::vector<Repeat> repeats{};
  Latencies latencies{};  // all repeats together
  KaioStatistics kaio_statistics{};

  std::uint64_t io_count() const noexcept;
  Summary summary_of(double Repeat::*figure) const;
  std::optional<Summary> system_calls_per_io() const;
  void add(const Measurement& measurement, double started_seconds);
};

struct Report {
  std::string started_at;  // UTC, "2025-03-01T12:00:00Z"
  std::vector<Target> targets;
  std::vector<Result> results;  // only those with a repeat
  std::vector<std::string> notes;
  bool has_kernel_counted_system_calls = false;
  unsigned measurements_planned = 0;
  unsigned measurements_done = 0;
  std::string failure;  // why it ended early, other than by Ctrl-C

  bool is_complete() const noexcept { return measurements_done == measurements_planned; }
};

}  // namespace aio_bench
