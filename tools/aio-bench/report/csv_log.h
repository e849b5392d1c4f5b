// SPDX-License-Identifier: MIT
#pragma once

#include "base/errors.h"
#include "base/limits.h"
#include "base/output.h"
#include "loads/run_load.h"
#include "report/report.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <fstream>
#include <string>

namespace aio_bench {

// Rate and latency over time, ramp-up included: one line for each interval, and one for
// what is left at the end of a measurement.
class CsvLog {
 public:
  // Throws RunError when the file cannot be written.
  CsvLog(const std::string& path, double interval_seconds, const Report& report)
      : path_(path), interval_seconds_(interval_seconds), report_(report),
        is_standard_output_(is_standard_output(path)) {
    if (!is_standard_output_) file_.open(path, std::ios::trunc);
    write(
        "run_seconds,measurement_seconds,round,target,engine,load,block_bytes,cache,jobs,depth,"
        "notify,io_per_second,bytes_per_second,mean_latency_us,greatest_latency_us\n");
  }

  // Samples are put together until they are an interval.
  void add(const Result& result, unsigned round, double started_seconds, const Sample& sample) {
    const auto io_count = static_cast<double>(pending_.io_count + sample.io_count);
    if (io_count > 0)
      pending_.mean_latency_ns =
          (pending_.mean_latency_ns * static_cast<double>(pending_.io_count) +
           sample.mean_latency_ns * static_cast<double>(sample.io_count)) /
          io_count;
    pending_.interval_seconds += sample.interval_seconds;
    pending_.seconds_so_far = sample.seconds_so_far;
    pending_.io_count += sample.io_count;
    pending_.byte_count += sample.byte_count;
    pending_.greatest_latency_ns =
        std::max(pending_.greatest_latency_ns, sample.greatest_latency_ns);
    const double least_share = !sample.is_last ? 0.99 : has_line_ ? least_rest : 0;
    if (pending_.interval_seconds >= interval_seconds_ * least_share) {
      write_line(result, round, started_seconds);
      pending_ = {};
      has_line_ = true;
    }
    // The next sample is of another measurement.
    if (sample.is_last) {
      pending_ = {};
      has_line_ = false;
    }
  }

 private:
  // What is left at the end, of an interval: of less the rate says nothing. But each
  // measurement has a line.
  static constexpr double least_rest = 0.1;

  // A path may hold commas and quotes.
  static std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (const char letter : text) result += letter == '"' ? "\"\"" : std::string(1, letter);
    return result + "\"";
  }

  void write(const std::string& text) {
    if (is_standard_output_) {
      print_out(text);
      return;
    }
    file_ << text;
    if (!file_.flush())
      throw RunError("--csv: {} cannot be written: {}{}", path_, error_text(errno),
                     errno == EFBIG ? file_size_advice() : "");
  }

  void write_line(const Result& result, unsigned round, double started_seconds) {
    const Case& what = result.what;
    write(fmt::format("{:.3f},{:.3f},{},{},{},{},{},{},{},{},{},{:.1f},{:.0f},{:.2f},{:.2f}\n",
                      started_seconds + pending_.seconds_so_far, pending_.seconds_so_far, round + 1,
                      quoted(report_.targets[what.target].path), what.engine_name,
                      load_name(what.load), what.block.greatest_bytes, cache_name(what.cache),
                      what.job_count, what.depth, notify_name(what.notify),
                      static_cast<double>(pending_.io_count) / pending_.interval_seconds,
                      static_cast<double>(pending_.byte_count) / pending_.interval_seconds,
                      pending_.mean_latency_ns / 1000,
                      static_cast<double>(pending_.greatest_latency_ns) / 1000));
  }

  const std::string path_;
  const double interval_seconds_;
  const Report& report_;
  const bool is_standard_output_;
  std::ofstream file_;
  Sample pending_{};
  bool has_line_ = false;  // the measurement that is running
};

}  // namespace aio_bench
