// SPDX-License-Identifier: MIT
#include "table.h"

#include "machine.h"
#include "text.h"

#include <algorithm>
#include <fmt/format.h>

namespace aio_bench {

namespace {

constexpr const char* row_format =
    "{:>5}  {:<7}{:>10}{:>8}{:>9}{:>10}{:>10}{:>9}{:>9}{:>8}{:>8}{:>7}\n";

std::string load_text(const Options& options) {
  return fmt::format("{}{} {} of {}",
                     options.cold             ? "Cold "
                     : options.load.is_random ? "Random"
                                              : "Sequential",
                     !options.cold            ? ""
                     : options.load.is_random ? "random"
                                              : "sequential",
                     options.extend          ? "extending writes"
                     : options.load.is_write ? "writes"
                                             : "reads",
                     size_text(options.block_bytes));
}

const char* notify_text(Notify notify) {
  switch (notify) {
    case Notify::thread: return "a callback by thread for each";
    case Notify::signal: return "a signal for each";
    default: return "awaited by aio_suspend or io_getevents";
  }
}

const Result* result_of_glibc(const Report& report, const Result& result) {
  const auto found = std::ranges::find_if(report.results, [&](const Result& other) {
    return other.engine_name == "glibc" && other.cache == result.cache &&
           other.depth == result.depth;
  });
  return found == report.results.end() ? nullptr : &*found;
}

// One round says nothing of how much rounds differ.
std::string spread_text(const Result& result) {
  if (result.io_per_second.size() < 2) return "";
  return fmt::format("{:.0f}%", summarize(result.io_per_second).spread() * 100);
}

// "9.6x", "~1.0x" when the repeats of both overlap.
std::string against_glibc(const Report& report, const Result& result) {
  const Result* const glibc = result_of_glibc(report, result);
  if (glibc == nullptr || glibc == &result) return "";
  const Summary ours = summarize(result.io_per_second);
  const Summary theirs = summarize(glibc->io_per_second);
  const double ratio = ours.median / theirs.median;
  return fmt::format("{}{:.{}f}x", ours.overlaps(theirs) ? "~" : "", ratio, ratio < 9.95 ? 1 : 0);
}

std::string row_text(const Options& options, const Report& report, const Result& result) {
  const Summary rate = summarize(result.io_per_second);
  const double mib_per_second =
      rate.median * static_cast<double>(options.block_bytes) / (1 << 20);
  const auto us = [](const Histogram& histogram, double fraction) {
    return microseconds_text(static_cast<double>(histogram.percentile(fraction)));
  };
  return fmt::format(fmt::runtime(row_format), result.depth, result.engine_name,
                     count_text(rate.median),
                     spread_text(result),
                     mib_per_second < 9.95 ? fmt::format("{:.1f}", mib_per_second)
                                           : count_text(mib_per_second),
                     against_glibc(report, result), us(result.latency_ns, 0.5),
                     us(result.latency_ns, 0.99), us(result.latency_ns, 0.999),
                     us(result.submit_ns, 0.5), us(result.submit_ns, 0.999),
                     fmt::format("{:.1f}", summarize(result.cpu_us_per_io).median));
}

bool has_glibc(const Options& options) {
  return std::ranges::find(options.engine_names, "glibc") != options.engine_names.end();
}

std::string header_text(const Options& options, Cache cache) {
  const std::string title = cache == Cache::direct ? "O_DIRECT" : "Buffered";
  return fmt::format("\n{:<51}{:^28}{:>16}{:>7}\n", title, "------- latency, us -------",
                     "- submit, us -", "CPU") +
         fmt::format(fmt::runtime(row_format), "depth", "engine", "IOPS", "spread", "MiB/s",
                     has_glibc(options) ? "vs glibc" : "", "p50", "p99", "p99.9", "p50", "p99.9",
                     "us/IO");
}

std::string legend_text(const Options& options, const Report& report) {
  std::string text =
      "\nIOPS: median of the rounds; spread: half of their range. Submit: inside one aio_read or\n"
      "aio_write, or one io_submit of all that was ready. CPU: of all threads.\n";
  if (has_glibc(options) && options.engine_names.size() > 1)
    text += "vs glibc: how many times its IOPS; ~ where the rounds of both overlap.\n";
  if (std::ranges::any_of(report.results,
                          [](const Result& result) { return result.io_count < 1000; }))
    text += "Where fewer than 1,000 I/Os were done, p99.9 is the longest of them.\n";
  return text;
}

}  // namespace

std::string heading_text(const Options& options, const Target& target, const Report& report) {
  const Machine machine = this_machine();
  std::string text = fmt::format("{}, {} CPUs{}\n", machine.kernel, machine.cpu_count,
                                 machine.cpu_model.empty() ? "" : ", " + machine.cpu_model);
  const std::string size = size_text(target.area_bytes);
  const std::string place =
      target.file_system.empty() ? "" : " on " + target.file_system;
  switch (target.kind) {
    case Target::Kind::scratch:
      text += fmt::format("Scratch file {}: {}{}, removed when done\n", target.path, size, place);
      break;
    case Target::Kind::file:
      text += fmt::format("File {}: {}{}\n", target.path, size, place);
      break;
    case Target::Kind::block_device:
      text += fmt::format("Block device {}: {}\n", target.path, size);
      break;
  }
  text += fmt::format("{}, {}; {} round{} of {:g} s each\n", load_text(options),
                      notify_text(options.notify), options.repeats,
                      options.repeats == 1 ? "" : "s", options.seconds);
  for (const auto& note : report.notes) text += "Note: " + note + "\n";
  return text;
}

std::string table_text(const Options& options, const Report& report) {
  std::string text;
  for (const Cache cache : options.caches) {
    unsigned depth_before = 0;
    for (const Result& result : report.results) {
      if (result.cache != cache) continue;
      if (depth_before == 0) text += header_text(options, cache);
      else if (result.depth != depth_before && options.engine_names.size() > 1) text += "\n";
      depth_before = result.depth;
      text += row_text(options, report, result);
    }
  }
  return text.empty() ? text : text + legend_text(options, report);
}

}  // namespace aio_bench
