// SPDX-License-Identifier: MIT
#include "report/csv_log.h"

#include "base/errors.h"
#include "base/limits.h"
#include "base/output.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>

namespace aio_bench {

namespace {

// What is left at the end, of an interval: of less the rate says nothing. But each
// measurement has a line.
constexpr double least_rest = 0.1;

// A path may hold commas and quotes.
std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char character : text) result += character == '"' ? "\"\"" : std::string(1, character);
  return result + "\"";
}

}  // namespace

CsvLog::CsvLog(const std::string& path, double interval_seconds, const Report& report)
    : path_(path), interval_seconds_(interval_seconds), report_(report),
      is_standard_output_(is_standard_output(path)) {
  if (!is_standard_output_) file_.open(path, std::ios::trunc);
  write(
      "run_seconds,measurement_seconds,round,target,engine,load,block_bytes,cache,jobs,depth,"
      "notify,io_per_second,bytes_per_second,mean_latency_us,greatest_latency_us\n");
}

void CsvLog::write(const std::string& text) {
  if (is_standard_output_) {
    print_out(text);
    return;
  }
  file_ << text;
  if (!file_.flush())
    throw RunError("--csv: {} cannot be written: {}{}", path_, error_text(errno),
                   errno == EFBIG ? file_size_advice() : "");
}

void CsvLog::add(const Result& result, unsigned round, double started_seconds,
                 const Sample& sample) {
  const auto io_count = static_cast<double>(pending_.io_count + sample.io_count);
  if (io_count > 0)
    pending_.mean_latency_ns = (pending_.mean_latency_ns * static_cast<double>(pending_.io_count) +
                                sample.mean_latency_ns * static_cast<double>(sample.io_count)) /
                               io_count;
  pending_.interval_seconds += sample.interval_seconds;
  pending_.seconds_so_far = sample.seconds_so_far;
  pending_.io_count += sample.io_count;
  pending_.byte_count += sample.byte_count;
  pending_.greatest_latency_ns = std::max(pending_.greatest_latency_ns, sample.greatest_latency_ns);
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

void CsvLog::write_line(const Result& result, unsigned round, double started_seconds) {
  const Case& what = result.what;
  write(fmt::format(
      "{:.3f},{:.3f},{},{},{},{},{},{},{},{},{},{:.1f},{:.0f},{:.2f},{:.2f}\n",
      started_seconds + pending_.seconds_so_far, pending_.seconds_so_far, round + 1,
      quoted(report_.targets[what.target].path), what.engine_name, load_name(what.load),
      what.block.greatest_bytes, cache_name(what.cache), what.job_count, what.depth,
      notify_name(what.notify), static_cast<double>(pending_.io_count) / pending_.interval_seconds,
      static_cast<double>(pending_.byte_count) / pending_.interval_seconds,
      pending_.mean_latency_ns / 1000, static_cast<double>(pending_.greatest_latency_ns) / 1000));
}

}  // namespace aio_bench
