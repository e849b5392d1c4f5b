// SPDX-License-Identifier: MIT
#pragma once

#include "loads/run_load.h"
#include "report/report.h"

#include <fstream>
#include <string>

namespace aio_bench {

// Rate and latency over time, ramp-up included: one line for each interval, and one for
// what is left at the end of a measurement.
class CsvLog {
 public:
  // Throws RunError when the file cannot be written.
  CsvLog(const std::string& path, double interval_seconds, const Report& report);

  // Samples are put together until they are an interval.
  void add(const Result& result, unsigned round, double started_seconds, const Sample& sample);

 private:
  void write(const std::string& text);
  void write_line(const Result& result, unsigned round, double started_seconds);

  const std::string path_;
  const double interval_seconds_;
  const Report& report_;
  const bool is_standard_output_;
  std::ofstream file_;
  Sample pending_{};
  bool has_line_ = false;  // the measurement that is running
};

}  // namespace aio_bench
