// SPDX-License-Identifier: MIT
#include "report/json_writer.h"

#include "base/errors.h"
#include "base/limits.h"
#include "base/output.h"
#include "report/machine.h"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <gnu/libc-version.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace aio_bench {

namespace {

using nlohmann::ordered_json;

template <typename Value>
ordered_json or_null(const std::optional<Value>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json text_or_null(const std::string& text) {
  return text.empty() ? ordered_json(nullptr) : ordered_json(text);
}

ordered_json positive_or_null(double value) {
  return value > 0 ? ordered_json(value) : ordered_json(nullptr);
}

ordered_json machine_json() {
  const Machine machine = this_machine();
  return {{"kernel", machine.kernel},
          {"host_name", machine.host_name},
          {"architecture", machine.architecture},
          {"cpu_model", machine.cpu_model},
          {"cpu_count", machine.cpu_count},
          {"memory_bytes", machine.memory_bytes},
          {"c_library", std::string("glibc ") + gnu_get_libc_version()}};
}

ordered_json kaio_options() {
  ordered_json variables = ordered_json::object();
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const char* const sign = std::strchr(*variable, '=');
    if (sign != nullptr && std::strncmp(*variable, "KAIO_", 5) == 0)
      variables[std::string(*variable, static_cast<std::size_t>(sign - *variable))] = sign + 1;
  }
  return variables;
}

ordered_json settings_json(const Options& options, const Report& report) {
  return {
      {"seconds", positive_or_null(options.seconds)},
      {"amount_bytes",
       options.amount_bytes != 0 ? ordered_json(options.amount_bytes) : ordered_json(nullptr)},
      {"ramp_up_seconds", options.ramp_up_seconds},
      {"repeats", options.repeats},
      {"batch", options.batch},
      {"cold", options.cold},
      {"extend", options.extend},
      {"dsync", options.dsync},
      {"fsync_every", options.fsync_every},
      {"kaio_options", kaio_options()},
      {"system_calls_counted_by", report.has_kernel_counted_system_calls ? "kernel" : "engines"}};
}

ordered_json device_json(const DeviceFacts& facts) {
  return {{"name", facts.name},
          {"model", text_or_null(facts.model)},
          {"size_bytes", facts.size_bytes},
          {"is_rotational", or_null(facts.is_rotational)},
          {"scheduler", text_or_null(facts.scheduler)},
          {"write_cache", text_or_null(facts.write_cache)},
          {"logical_block_bytes", or_null(facts.logical_block_bytes)},
          {"physical_block_bytes", or_null(facts.physical_block_bytes)},
          {"queue_request_count", or_null(facts.queue_request_count)}};
}

ordered_json target_json(const Target& target) {
  return {{"path", target.path},
          {"kind", kind_name(target.kind)},
          {"file_system", target.file_system},
          {"size_bytes", target.size_bytes},
          {"area_bytes", target.area_bytes},
          {"direct_block_bytes", target.direct_block_bytes},
          {"device", target.device ? device_json(*target.device) : ordered_json(nullptr)},
          {"warnings", target.warnings}};
}

ordered_json summary_json(const Summary& summary) {
  return {{"median", summary.median},
          {"least", summary.least},
          {"greatest", summary.greatest},
          {"spread", summary.spread()}};
}

ordered_json distribution_json(const Distribution& figures) {
  const auto figure = [&figures](auto value) {
    return figures.count == 0 ? ordered_json(nullptr) : ordered_json(value);
  };
  return {{"count", figures.count},
          {"mean", figure(figures.mean_ns)},
          {"least", figure(figures.least_ns)},
          {"p50", figure(figures.p50_ns)},
          {"p90", figure(figures.p90_ns)},
          {"p99", figure(figures.p99_ns)},
          {"p99_9", figure(figures.p99_9_ns)},
          {"p99_99", figure(figures.p99_99_ns)},
          {"greatest", figure(figures.greatest_ns)}};
}

ordered_json histogram_json(const Histogram& histogram) {
  ordered_json result = distribution_json(distribution_of(histogram));
  ordered_json& buckets = result["buckets"] = ordered_json::array();
  for (const Histogram::Bucket& bucket : histogram.buckets())
    buckets.push_back({bucket.first_ns, bucket.last_ns, bucket.count});
  return result;
}

ordered_json latencies_json(const Latencies& latencies) {
  ordered_json result{{"submission", histogram_json(latencies.submission)},
                      {"completion", histogram_json(latencies.completion)},
                      {"total", histogram_json(latencies.total)}};
  if (latencies.sync.count() > 0) result["sync"] = histogram_json(latencies.sync);
  return result;
}

ordered_json repeat_json(const Repeat& repeat) {
  ordered_json latencies{{"submission", distribution_json(repeat.submission)},
                         {"completion", distribution_json(repeat.completion)},
                         {"total", distribution_json(repeat.total)}};
  if (repeat.sync.count > 0) latencies["sync"] = distribution_json(repeat.sync);
  return {{"started_seconds", repeat.started_seconds},
          {"seconds", repeat.elapsed_seconds},
          {"io_count", repeat.io_count},
          {"byte_count", repeat.byte_count},
          {"sync_count", repeat.sync_count},
          {"io_per_second", repeat.io_per_second},
          {"bytes_per_second", repeat.bytes_per_second},
          {"cpu_us_per_io", repeat.cpu_us_per_io},
          {"system_calls_per_io", or_null(repeat.system_calls_per_io)},
          {"context_switches_per_io", repeat.context_switches_per_io},
          {"eagain_count", repeat.eagain_count},
          {"retry_count", repeat.retry_count},
          {"latency_ns", std::move(latencies)}};
}

ordered_json kaio_statistics_json(const KaioStatistics& statistics) {
  if (statistics.empty()) return nullptr;
  ordered_json result = ordered_json::object();
  for (const auto& [name, count] : statistics)
    if (count != 0) result[name] = count;
  return result;
}

ordered_json result_json(const Options& options, const Report& report, const Result& result) {
  const Case& what = result.what;
  const auto system_calls = result.system_calls_per_io();
  ordered_json repeats = ordered_json::array();
  for (const Repeat& repeat : result.repeats) repeats.push_back(repeat_json(repeat));
  return {
      {"target", report.targets[what.target].path},
      {"engine", what.engine_name},
      {"load", load_name(what.load)},
      {"is_random", what.load.is_random},
      {"read_percent", what.load.read_percent},
      {"block_bytes", what.block.greatest_bytes},
      {"block_bytes_least", what.block.least_bytes},
      {"depth", what.depth},
      {"jobs", what.job_count},
      {"cache", cache_name(what.cache)},
      {"notify", notify_name(what.notify)},
      {"vector_count", options.vector_count},
      {"pace", pace_name(options.pace.kind)},
      {"wanted_io_per_second", positive_or_null(options.pace.io_per_second)},
      {"system_calls_counted", result.system_calls_counted},
      {"io_per_second", summary_json(result.summary_of(&Repeat::io_per_second))},
      {"bytes_per_second", summary_json(result.summary_of(&Repeat::bytes_per_second))},
      {"cpu_us_per_io", summary_json(result.summary_of(&Repeat::cpu_us_per_io))},
      {"system_calls_per_io", system_calls ? summary_json(*system_calls) : ordered_json(nullptr)},
      {"context_switches_per_io",
       summary_json(result.summary_of(&Repeat::context_switches_per_io))},
      {"latency_ns", latencies_json(result.latencies)},
      {"kaio_statistics", kaio_statistics_json(result.kaio_statistics)},
      {"repeats", std::move(repeats)}};
}

ordered_json head_json(const Options& options, const Report& report) {
  const char* const end = !report.failure.empty() ? "failed"
                          : report.is_complete()  ? "complete"
                                                  : "interrupted";
  ordered_json targets = ordered_json::array();
  for (const Target& target : report.targets) targets.push_back(target_json(target));
  return {{"format", "aio-bench"},
          {"version", 1},
          {"aio_bench_version", AIO_BENCH_VERSION},
          {"process_id", ::getpid()},
          {"started_at", report.started_at},
          {"command_line", options.command_line},
          {"end", end},
          {"failure", text_or_null(report.failure)},
          {"machine", machine_json()},
          {"settings", settings_json(options, report)},
          {"targets", std::move(targets)},
          {"notes", report.notes}};
}

}  // namespace

void write_json(const Options& options, const Report& report) {
  // A result in one line: its many buckets would be a line each.
  constexpr auto replace = nlohmann::json::error_handler_t::replace;  // paths may be any bytes
  std::string text = head_json(options, report).dump(2, ' ', false, replace);
  text.erase(text.rfind('\n'));
  text += ",\n  \"results\": [";
  for (const Result& result : report.results)
    text += (&result == report.results.data() ? "\n    " : ",\n    ") +
            result_json(options, report, result).dump(-1, ' ', false, replace);
  text += "\n  ]\n}\n";
  if (is_standard_output(options.json_path)) {
    print_out(text);
    return;
  }
  std::ofstream file(options.json_path, std::ios::trunc);
  file << text;
  if (!file.flush())
    throw RunError("--json: {} cannot be written: {}{}", options.json_path, error_text(errno),
                   errno == EFBIG ? file_size_advice() : "");
}

}  // namespace aio_bench
