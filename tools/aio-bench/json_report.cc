// SPDX-License-Identifier: MIT
#include "json_report.h"

#include "errors.h"
#include "machine.h"

#include <cerrno>
#include <fmt/format.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace aio_bench {

namespace {

using nlohmann::ordered_json;

ordered_json machine_json() {
  const Machine machine = this_machine();
  return {{"kernel", machine.kernel},
          {"architecture", machine.architecture},
          {"cpu_model", machine.cpu_model},
          {"cpu_count", machine.cpu_count},
          {"memory_bytes", machine.memory_bytes}};
}

ordered_json target_json(const Target& target) {
  const char* const kind = target.kind == Target::Kind::scratch ? "scratch file"
                           : target.kind == Target::Kind::file  ? "file"
                                                                : "block device";
  return {{"kind", kind},
          {"path", target.path},
          {"file_system", target.file_system},
          {"area_bytes", target.area_bytes}};
}

ordered_json load_json(const Options& options) {
  return {{"load", load_name(options.load)},
          {"notify", notify_name(options.notify)},
          {"block_bytes", options.block_bytes},
          {"seconds", options.seconds},
          {"repeats", options.repeats},
          {"cold", options.cold},
          {"extend", options.extend}};
}

ordered_json summary_json(const std::vector<double>& values) {
  const Summary summary = summarize(values);
  return {{"median", summary.median},
          {"least", summary.least},
          {"greatest", summary.greatest},
          {"repeats", values}};
}

ordered_json histogram_json(const Histogram& histogram) {
  return {{"count", histogram.count()},           {"p50", histogram.percentile(0.5)},
          {"p90", histogram.percentile(0.9)},     {"p99", histogram.percentile(0.99)},
          {"p99.9", histogram.percentile(0.999)}, {"p99.99", histogram.percentile(0.9999)},
          {"max", histogram.percentile(1)}};
}

ordered_json result_json(const Result& result, std::size_t block_bytes) {
  const double rate = summarize(result.io_per_second).median;
  return {{"engine", result.engine_name},
          {"cache", cache_name(result.cache)},
          {"depth", result.depth},
          {"io_count", result.io_count},
          {"io_per_second", summary_json(result.io_per_second)},
          {"mib_per_second", rate * static_cast<double>(block_bytes) / (1 << 20)},
          {"cpu_us_per_io", summary_json(result.cpu_us_per_io)},
          {"latency_ns", histogram_json(result.latency_ns)},
          {"submit_call_ns", histogram_json(result.submit_ns)}};
}

}  // namespace

void check_json_path(const std::string& path) {
  if (::access(path.c_str(), W_OK) == 0) return;
  const auto slash = path.rfind('/');
  const std::string directory = slash == path.npos ? "." : path.substr(0, slash + 1);
  if (errno == ENOENT && ::access(directory.c_str(), W_OK) == 0) return;
  throw RunError(fmt::format("--json: {} cannot be written: {}", path, error_text(errno)));
}

void write_json(const Options& options, const Target& target, const Report& report) {
  ordered_json document{{"format", "aio-bench"},
                        {"version", 1},
                        {"aio_bench_version", AIO_BENCH_VERSION},
                        {"is_complete", report.is_complete()},
                        {"machine", machine_json()},
                        {"target", target_json(target)},
                        {"options", load_json(options)},
                        {"notes", report.notes},
                        {"results", ordered_json::array()}};
  for (const Result& result : report.results)
    document["results"].push_back(result_json(result, options.block_bytes));
  std::ofstream file(options.json_path, std::ios::trunc);
  file << document.dump(2) << '\n';
  if (!file.flush())
    throw RunError(fmt::format("--json: {} cannot be written: {}", options.json_path,
                               error_text(errno)));
}

}  // namespace aio_bench
