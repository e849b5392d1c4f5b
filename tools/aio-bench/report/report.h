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

  std::uint64_t io_count() const noexcept {
    std::uint64_t count = 0;
    for (const Repeat& repeat : repeats) count += repeat.io_count;
    return count;
  }

  Summary summary_of(double Repeat::*figure) const {
    std::vector<double> values;
    for (const Repeat& repeat : repeats) values.push_back(repeat.*figure);
    return summarize(std::move(values));
  }

  std::optional<Summary> system_calls_per_io() const {
    std::vector<double> values;
    for (const Repeat& repeat : repeats)
      if (repeat.system_calls_per_io) values.push_back(*repeat.system_calls_per_io);
    if (values.empty()) return std::nullopt;
    return summarize(std::move(values));
  }

  void add(const Measurement& measurement, double started_seconds) {
    // Nothing completed: then nothing was used for it either.
    const double io_count =
        measurement.io_count == 0 ? 1 : static_cast<double>(measurement.io_count);
    const Usage& usage = measurement.usage;
    const Latencies& all = measurement.latencies;
    Repeat repeat{measurement};
    repeat.started_seconds = started_seconds;
    repeat.cpu_us_per_io = usage.cpu_seconds * 1e6 / io_count;
    repeat.context_switches_per_io = static_cast<double>(usage.context_switch_count) / io_count;
    repeat.submission = distribution_of(all.submission);
    repeat.completion = distribution_of(all.completion);
    repeat.total = distribution_of(all.total);
    repeat.sync = distribution_of(all.sync);
    if (const auto count = measurement.usage.system_call_count)
      repeat.system_calls_per_io = static_cast<double>(*count) / io_count;
    repeats.push_back(repeat);
    latencies.merge(measurement.latencies);
    kaio_statistics = sum(measurement.kaio_statistics, kaio_statistics);
  }
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
