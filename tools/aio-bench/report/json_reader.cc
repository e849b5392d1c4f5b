// SPDX-License-Identifier: MIT
#include "report/json_reader.h"

#include "base/errors.h"
#include "base/text.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <tuple>

namespace aio_bench {

namespace {

using nlohmann::json;

constexpr const char* format_name = "aio-bench";
constexpr int format_version = 1;

std::string name_of(const std::string& path) { return path == "-" ? "standard input" : path; }

json parse(const std::string& path) {
  std::ifstream file;
  if (path != "-") file.open(path);
  if (!file) throw UsageError("{} cannot be read: {}", path, error_text(errno));
  json document = json::parse(path == "-" ? std::cin : file, nullptr, false);
  if (!document.is_object() || !document.contains("format") || document["format"] != format_name)
    throw UsageError("{} is no result of aio-bench: give a file that aio-bench --json wrote",
                     name_of(path));
  const auto version = document.find("version");
  if (version == document.end() || *version != format_version)
    throw UsageError(
        "{} has version {} of the result format, and this aio-bench reads version {}: measure "
        "again, or use the aio-bench that wrote it",
        path, version == document.end() ? "?" : version->dump(), format_version);
  return document;
}

std::optional<double> number_in(const json& object, const char* name) {
  const json& value = object.at(name);
  return value.is_null() ? std::nullopt : std::optional(value.get<double>());
}

StoredRepeat repeat_of(const json& object) {
  const json& total = object.at("latency_ns").at("total");
  return {.io_per_second = object.at("io_per_second").get<double>(),
          .cpu_us_per_io = number_in(object, "cpu_us_per_io"),
          .system_calls_per_io = number_in(object, "system_calls_per_io"),
          .p50_ns = number_in(total, "p50"),
          .p99_ns = number_in(total, "p99"),
          .p99_9_ns = number_in(total, "p99_9")};
}

// Settings of the whole run that make it another measurement.
std::string manner_of(const json& settings) {
  std::vector<std::string> words;
  if (settings.at("cold").get<bool>()) words.emplace_back("cold");
  if (settings.at("extend").get<bool>()) words.emplace_back("extending");
  if (settings.at("dsync").get<bool>()) words.emplace_back("O_DSYNC");
  const unsigned fsync_every = settings.at("fsync_every");
  if (fsync_every != 0) words.push_back(fmt::format("fsync every {}", fsync_every));
  const unsigned batch = settings.value("batch", 1U);
  if (batch != 1) words.push_back(fmt::format("batches of {}", batch));
  return join(words, ", ");
}

// A scratch file has another name in every run.
std::string target_name(const json& targets, const std::string& path) {
  for (const json& target : targets)
    if (target.at("path") == path && target.at("kind") == "scratch file") return "scratch file";
  return path;
}

StoredResult result_of(const json& object, const json& document) {
  StoredResult result{
      .setup = {.target = target_name(document.at("targets"), object.at("target")),
                .load = object.at("load"),
                .block_bytes = object.at("block_bytes"),
                .block_bytes_least = object.at("block_bytes_least"),
                .cache = object.at("cache"),
                .jobs = object.at("jobs"),
                .notify = object.at("notify"),
                .vector_count = object.at("vector_count"),
                .pace = object.at("pace"),
                .wanted_io_per_second = number_in(object, "wanted_io_per_second").value_or(0),
                .manner = manner_of(document.at("settings")),
                .depth = object.at("depth"),
                .engine = object.at("engine")}};
  for (const json& repeat : object.at("repeats")) result.repeats.push_back(repeat_of(repeat));
  for (const json& bucket : object.at("latency_ns").at("total").at("buckets"))
    result.total_ns.push_back({bucket.at(0), bucket.at(1), bucket.at(2)});
  return result;
}

StoredRun run_of(const json& document, const std::string& path) {
  const json& machine = document.at("machine");
  StoredRun run{.path = name_of(path),
                .program_version = document.at("aio_bench_version"),
                .process_id = document.value("process_id", 0),
                .started_at = document.at("started_at"),
                .kernel = machine.at("kernel"),
                .host_name = machine.value("host_name", ""),
                .cpu_model = machine.at("cpu_model"),
                .cpu_count = machine.value("cpu_count", 0U),
                .c_library = machine.at("c_library"),
                .end = document.at("end")};
  for (const json& target : document.at("targets")) {
    const std::string file_system = target.at("file_system");
    run.targets.push_back(target.at("path").get<std::string>() +
                          (file_system.empty() ? "" : " (" + file_system + ")"));
  }
  for (const json& result : document.at("results"))
    run.results.push_back(result_of(result, document));
  return run;
}

}  // namespace

bool StoredSetup::is_of_group(const StoredSetup& other) const {
  StoredSetup alike = other;
  alike.depth = depth;
  alike.engine = engine;
  return alike == *this;
}

std::string setup_text(const StoredSetup& setup, bool with_cache) {
  std::string text = fmt::format("{} of ", setup.load);
  if (setup.block_bytes_least != setup.block_bytes)
    text += size_text(setup.block_bytes_least) + " to ";
  text += size_text(setup.block_bytes);
  if (with_cache) text += setup.cache == "direct" ? ", O_DIRECT" : ", " + setup.cache;
  if (!setup.manner.empty()) text += ", " + setup.manner;
  if (setup.jobs != 1) text += fmt::format(", {} jobs", setup.jobs);
  if (setup.vector_count != 1) text += fmt::format(", {} vectors", setup.vector_count);
  if (setup.notify != "suspend") text += ", by " + setup.notify;
  if (setup.pace != "full")
    text += fmt::format(", {} {}/s", setup.pace == "poisson" ? "Poisson arrivals" : "at most",
                        count_text(setup.wanted_io_per_second));
  return text;
}

StoredRun read_stored_run(const std::string& path) {
  const json document = parse(path);
  try {
    return run_of(document, path);
  } catch (const json::exception& error) {
    throw UsageError("{} is damaged: {}", path, error.what());
  }
}

}  // namespace aio_bench
