// SPDX-License-Identifier: MIT
#include "report/report.h"

namespace aio_bench {

std::uint64_t Result::io_count() const noexcept {
  std::uint64_t count = 0;
  for (const Repeat& repeat : repeats) count += repeat.io_count;
  return count;
}

Summary Result::summary_of(double Repeat::*figure) const {
  std::vector<double> values;
  for (const Repeat& repeat : repeats) values.push_back(repeat.*figure);
  return summarize(std::move(values));
}

std::optional<Summary> Result::system_calls_per_io() const {
  std::vector<double> values;
  for (const Repeat& repeat : repeats)
    if (repeat.system_calls_per_io) values.push_back(*repeat.system_calls_per_io);
  if (values.empty()) return std::nullopt;
  return summarize(std::move(values));
}

void Result::add(const Measurement& measurement, double started_seconds) {
  // Nothing completed: then nothing was used for it either.
  const double io_count = measurement.io_count == 0 ? 1 : static_cast<double>(measurement.io_count);
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

}  // namespace aio_bench
