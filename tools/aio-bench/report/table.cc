// SPDX-License-Identifier: MIT
#include "report/table.h"

#include "base/text.h"
#include "engines/engines.h"
#include "report/columns.h"

#include <algorithm>
#include <fmt/format.h>
#include <span>

namespace aio_bench {

namespace {

// Results of one kind of work stand together: they differ in depth and engine.
using Section = std::span<const Result>;

bool is_same_section(const Case& one, const Case& other) {
  return one.target == other.target && one.load == other.load && one.block == other.block &&
         one.cache == other.cache && one.job_count == other.job_count;
}

std::string label_of(const Options& options, const Case& what) {
  return options.notifies.size() == 1 ? what.engine_name
                                      : what.engine_name + "/" + notify_name(what.notify);
}

std::string operations_text(Load load) {
  if (!load.has_writes()) return "reads";
  if (!load.has_reads()) return "writes";
  return fmt::format("I/Os, {} % reads,", load.read_percent);
}

std::string block_text(const BlockSize& block) {
  return block.least_bytes == block.greatest_bytes
             ? size_text(block.greatest_bytes)
             : fmt::format("{} to {}", size_text(block.least_bytes),
                           size_text(block.greatest_bytes));
}

std::string title_of(const Options& options, const Report& report, const Case& what) {
  std::string text =
      fmt::format("{}{} {} of {}, {}",
                  options.cold     ? "Cold "
                  : options.extend ? "Extending "
                                   : "",
                  what.load.is_random ? "random" : "sequential", operations_text(what.load),
                  block_text(what.block), what.cache == Cache::direct ? "O_DIRECT" : "buffered");
  if (what.job_count > 1) text += fmt::format(", {} jobs", what.job_count);
  if (options.notifies.size() == 1 && what.notify != Notify::suspend)
    text += fmt::format(", completion by {}", notify_name(what.notify));
  if (options.vector_count > 1) text += fmt::format(", {} pieces each", options.vector_count);
  if (options.dsync) text += ", O_DSYNC";
  if (options.fsync_every != 0) text += fmt::format(", fsync every {}", options.fsync_every);
  if (options.pace.kind == Pace::Kind::limited)
    text += fmt::format(", at most {}/s", count_text(options.pace.io_per_second));
  if (options.pace.kind == Pace::Kind::poisson)
    text += fmt::format(", {}/s at random times", count_text(options.pace.io_per_second));
  if (report.targets.size() > 1) text += ": " + report.targets[what.target].path;
  text[0] = static_cast<char>(std::toupper(text[0]));
  return text;
}

std::uint64_t counter(const Result& result, const std::string& name) {
  for (const auto& [key, count] : result.kaio_statistics)
    if (key == name) return count;
  return 0;
}

// Whether requests of kaio's went to its threads, whose calls it does not count.
bool has_uncounted_calls(const Report& report, const Result& result) {
  return !report.has_kernel_counted_system_calls &&
         counter(result, "by_pool") + counter(result, "submitted_by_pool") >
             counter(result, "completed") / 200;
}

// By what results are compared: the rate, or the latency where they all get the same
// rate unless they fail to keep up.
Summary merit_of(const Options& options, const Result& result) {
  if (options.pace.kind == Pace::Kind::full) return result.summary_of(&Repeat::io_per_second);
  std::vector<double> latencies_ns;
  for (const Repeat& repeat : result.repeats)
    latencies_ns.push_back(static_cast<double>(repeat.total.p50_ns));
  return summarize(std::move(latencies_ns));
}

// "best", "~best" where the rounds of both overlap, "-23%"; "?" after one round,
// which says nothing of how much rounds differ.
std::string against_best(const Options& options, Section section, const Result& result) {
  // Of what did nothing there is no latency.
  if (section.size() < 2 || result.io_count() == 0) return "";
  const bool is_more_better = options.pace.kind == Pace::Kind::full;
  const Result* best = nullptr;
  double best_median = 0;
  std::size_t count = 0;
  for (const Result& other : section) {
    if (!other.what.is_comparable(result.what) || other.io_count() == 0) continue;
    ++count;
    const double median = merit_of(options, other).median;
    if (best != nullptr && (is_more_better ? median <= best_median : median >= best_median))
      continue;
    best = &other;
    best_median = median;
  }
  if (count < 2) return "";
  const std::string doubt = result.repeats.size() < 2 ? "?" : "";
  if (best == &result) return "best" + doubt;
  const Summary ours = merit_of(options, result);
  if (doubt.empty() && ours.overlaps(merit_of(options, *best))) return "~best";
  return fmt::format("{:+.0f}%{}", (ours.median / best_median - 1) * 100, doubt);
}

std::string rate_text(double value) {
  return value < 9.95 ? fmt::format("{:.1f}", value) : count_text(value);
}

std::string per_io_text(double value) {
  return value < 9.995 ? fmt::format("{:.2f}", value) : fmt::format("{:.0f}", value);
}

using Cells = std::vector<std::string>;

// What is left out first is what --json tells as well, and is asked for least.
std::vector<Column> columns_of(bool has_long_labels) {
  const char* const latency = "latency, us";
  const char* const per_io = "per I/O";
  const unsigned narrow = has_long_labels ? 7 : 8;
  return {{.title = "depth", .width = 5},
          {.title = "engine", .width = 9, .is_left_aligned = true},
          {.title = "IOPS", .width = 10},
          {.title = "+-", .width = 5, .goes_as = 7},
          {.title = "MiB/s", .width = 7, .goes_as = 1},
          {.title = "vs best", .width = 8, .goes_as = 9},
          {.title = "p50", .width = narrow, .group = latency},
          {.title = "p99", .width = 8, .goes_as = 8, .group = latency},
          {.title = "p99.99", .width = 9, .goes_as = 4, .group = latency},
          {.title = "submit", .width = narrow, .goes_as = 2, .group = latency},
          {.title = "CPU us", .width = 8, .goes_as = 6, .group = per_io},
          {.title = "calls", .width = 7, .goes_as = 5, .group = per_io},
          {.title = "switch", .width = 8, .goes_as = 3, .group = per_io}};
}

std::string us(const Histogram& histogram, double fraction) {
  if (histogram.count() == 0) return "-";
  return microseconds_text(static_cast<double>(histogram.percentile(fraction)));
}

Cells row_of(const Options& options, const Report& report, Section section, const Result& result) {
  const Summary rate = result.summary_of(&Repeat::io_per_second);
  const double mib_per_second = result.summary_of(&Repeat::bytes_per_second).median / (1 << 20);
  const auto calls = result.system_calls_per_io();
  return {
      fmt::format("{}", result.what.depth),
      label_of(options, result.what),
      rate_text(rate.median),
      result.repeats.size() < 2 ? "" : fmt::format("{:.0f}%", rate.spread() * 100),
      rate_text(mib_per_second),
      against_best(options, section, result),
      us(result.latencies.total, 0.5),
      us(result.latencies.total, 0.99),
      us(result.latencies.total, 0.9999),
      us(result.latencies.submission, 0.5),
      fmt::format("{:.1f}", result.summary_of(&Repeat::cpu_us_per_io).median),
      calls ? per_io_text(calls->median) + (has_uncounted_calls(report, result) ? "+" : "") : "-",
      per_io_text(result.summary_of(&Repeat::context_switches_per_io).median)};
}

// ---- What there is to be said of a result beside its figures ----

// Which way kaio's requests went, where not all went the first one.
std::string ways_text(const Options&, const Result& result) {
  const auto completed = static_cast<double>(counter(result, "completed"));
  const std::uint64_t other_ways = counter(result, "by_pool") +
                                   counter(result, "submitted_by_pool") +
                                   counter(result, "by_caller");
  if (completed == 0 || static_cast<double>(other_ways) <= completed / 200) return "";
  std::string reasons;
  for (const auto& [name, count] : result.kaio_statistics)
    if (name.starts_with("reason_") && count > 0)
      reasons +=
          fmt::format("{}{} {}", reasons.empty() ? "; " : ", ", name.substr(7), count_text(count));
  std::ranges::replace(reasons, '_', ' ');
  const auto percent = [&](const char* name) {
    return 100 * static_cast<double>(counter(result, name)) / completed;
  };
  const std::string cached =
      counter(result, "by_caller") == 0
          ? ""
          : fmt::format(", {:.0f} % from the page cache by the caller", percent("by_caller"));
  return fmt::format(": {:.0f} % by kernel AIO{}, {:.0f} % by threads of its own{}",
                     percent("by_kernel"), cached, percent("by_pool"), reasons);
}

std::string retries_text(const Options&, const Result& result) {
  std::uint64_t eagain_count = 0, retry_count = 0;
  for (const Repeat& repeat : result.repeats) {
    eagain_count += repeat.eagain_count;
    retry_count += repeat.retry_count;
  }
  if (eagain_count == 0) return "";
  return fmt::format(": {} submissions met EAGAIN, {} I/Os were submitted again",
                     count_text(eagain_count), count_text(retry_count));
}

std::string syncs_text(const Options&, const Result& result) {
  const Histogram& syncs = result.latencies.sync;
  if (syncs.count() == 0) return "";
  return fmt::format(": {} fsyncs, p50 {} us, p99 {} us", count_text(syncs.count()), us(syncs, 0.5),
                     us(syncs, 0.99));
}

// An open loop that an engine cannot keep up with says more of the queue than of it.
std::string lag_text(const Options& options, const Result& result) {
  const double reached = result.summary_of(&Repeat::io_per_second).median;
  if (options.pace.kind != Pace::Kind::poisson || reached > 0.95 * options.pace.io_per_second)
    return "";
  return fmt::format(" did not keep up: {:.0f} % of the wanted rate, and latencies grew with time",
                     100 * reached / options.pace.io_per_second);
}

// The results of a section are beside each other in the report.
std::vector<Section> sections_of(const Report& report) {
  std::vector<Section> sections;
  for (auto first = report.results.begin(); first != report.results.end();) {
    const auto last = std::find_if(first, report.results.end(), [first](const Result& result) {
      return !is_same_section(first->what, result.what);
    });
    sections.emplace_back(first, last);
    first = last;
  }
  return sections;
}

void say_section(const Options& options, const Report& report, Section section,
                 std::span<const Cells> rows, const Columns& columns, Paragraphs& text) {
  text.add_as_it_is("\n");
  text.say("{}", title_of(options, report, section.front().what));
  text.add_as_it_is(columns.header());
  const Case* before = nullptr;
  for (std::size_t i = 0; i < section.size(); ++i) {
    const Case& what = section[i].what;
    if (before != nullptr && !before->is_comparable(what)) text.add_as_it_is("\n");
    before = &what;
    text.add_as_it_is(columns.line(rows[i]));
  }
  for (const Result& result : section)
    for (const auto remark : {ways_text, retries_text, syncs_text, lag_text})
      if (const std::string said = remark(options, result); !said.empty())
        text.say("{} at depth {}{}", label_of(options, result.what), result.what.depth, said);
}

void say_legend(const Options& options, const Report& report, const Columns& columns,
                Paragraphs& text) {
  const auto has_one = [&report](const auto& is_such) {
    return std::ranges::any_of(report.results, is_such);
  };
  const std::string legend =
      "IOPS: median of the rounds; +-: half of their range. vs best: of the same depth; ~ where "
      "the rounds of both overlap, so that no difference is shown. Latency: until the program "
      "knows; submit: the part inside the submitting call, p50. Per I/O: user and system time of "
      "all threads, system calls, context switches. System calls are ";
  text.add_as_it_is("\n" + wrapped(legend + (report.has_kernel_counted_system_calls
                                                 ? "all that the process made."
                                                 : "those of the engine's own that can be counted; "
                                                   "--count-system-calls counts all of them."),
                                   text.width(), ""));
  if (has_one([&](const Result& result) { return has_uncounted_calls(report, result); }))
    text.say("+: and those of kaio's threads, which it does not count.");
  if (options.pace.kind != Pace::Kind::full)
    text.say("vs best: of p50, because the rate is given.");
  // Ctrl-C may have left one of many.
  if (has_one([](const Result& result) { return result.repeats.size() < 2; }))
    text.say("?: after one round, whether it is noise is not known.");
  if (has_one([](const Result& result) { return result.io_count() < 10'000; }))
    text.say("Where fewer than 10,000 I/Os were done, p99.99 is the longest of them.");
  if (!columns.left_out().empty())
    text.say("{}, and --json has all figures.", columns.left_out_text());
}

}  // namespace

std::string table_text(const Options& options, const Report& report, unsigned width) {
  if (report.results.empty()) return "";
  // One layout for all sections, so that they can be compared.
  const std::vector<Section> sections = sections_of(report);
  std::vector<Cells> rows;
  bool has_long_labels = false;
  for (const Section& section : sections)
    for (const Result& result : section) {
      rows.push_back(row_of(options, report, section, result));
      has_long_labels = has_long_labels || label_of(options, result.what).size() > 8;
    }
  const Columns columns(columns_of(has_long_labels), rows, width);
  Paragraphs text(width);
  std::span<const Cells> rows_left = rows;
  for (const Section& section : sections) {
    say_section(options, report, section, rows_left.first(section.size()), columns, text);
    rows_left = rows_left.subspan(section.size());
  }
  say_legend(options, report, columns, text);
  return text.text();
}

}  // namespace aio_bench
