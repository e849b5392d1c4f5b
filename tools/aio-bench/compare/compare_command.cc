// SPDX-License-Identifier: MIT
#include "compare/compare_command.h"

#include "base/command_line.h"
#include "base/errors.h"
#include "base/standard_output.h"
#include "base/text.h"
#include "compare/changes.h"
#include "compare/compare_table.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>

namespace aio_bench {

namespace {

constexpr const char* footer = R"(Examples:
  aio-bench compare before.json after.json
  aio-bench compare before.json after.json --threshold 10 --figures rate,p99.9

A change counts when it is beyond noise and not below the threshold. Beyond noise:
by chance alone any of the figures would differ in less than 1 % of comparisons, says
the exact two-sided Mann-Whitney test on the repeats. That takes five repeats in each
run for one figure, and eight for up to 64. With fewer the ranges have to be apart, by
at least the width of the wider one; with fewer than three nothing is judged.
- is standard input: aio-bench --json - | aio-bench compare before.json -
Exit codes: 0 nothing got worse, 1 failed, 2 wrong usage or a file that is no
result, 3 something got worse.)";

std::vector<const ComparedFigure*> figures_of(const std::string& word) {
  std::vector<std::string> known;
  for (const ComparedFigure& figure : compared_figures()) known.emplace_back(figure.name);
  std::vector<const ComparedFigure*> figures;
  for (const auto& name : split(word, ',')) {
    const auto figure = std::ranges::find(compared_figures(), name, &ComparedFigure::name);
    if (figure == compared_figures().end())
      throw UsageError(fmt::format("{}: '{}' is unknown{}: use one or more of {}",
                                   typed_option("--figures", word, name), name, advice(name, known),
                                   join(known, ",")));
    if (std::ranges::find(figures, &*figure) == figures.end()) figures.push_back(&*figure);
  }
  return figures;
}

double threshold_of(const std::string& word) {
  char* end = nullptr;
  const double percent = std::strtod(word.c_str(), &end);
  if (word.empty() || *end != '\0' || !(percent >= 0 && percent <= 1000))
    throw UsageError(fmt::format("--threshold: '{}' is not a percentage: give 0 to 1000", word));
  return percent / 100;
}

}  // namespace

int compare_command(int argument_count, const char* const* arguments) {
  CLI::App app("Says what changed between two runs of aio-bench, beyond noise.",
               "aio-bench compare");
  app.set_help_flag("-h,--help", "this text");
  app.footer(footer);
  app.get_formatter()->column_width(26);
  std::string before_path, after_path, threshold = "5", figures = "rate,p99,cpu";
  bool show_all = false;
  app.add_option("A.json", before_path, "what --json wrote before")->required()->type_name("");
  app.add_option("B.json", after_path, "and after")->required()->type_name("");
  app.add_option("--threshold", threshold, "smaller changes are none (5)")->type_name("PERCENT");
  app.add_option("--figures", figures, "of rate,p50,p99,p99.9,cpu,calls (rate,p99,cpu)")
      ->type_name("LIST");
  app.add_flag("--all", show_all, "show what did not change, too");
  if (!parse_arguments(app, argument_count, arguments)) return exit_done;

  const auto compared = figures_of(figures);
  const double least_change = threshold_of(threshold);
  if (before_path == "-" && after_path == "-")
    throw UsageError("'-' is standard input, which holds one result: name a file for the other");
  const StoredRun before = read_stored_run(before_path), after = read_stored_run(after_path);
  const Comparison comparison = compare(before, after, compared, least_change);
  if (comparison.results.empty())
    throw UsageError(
        fmt::format("{} and {} have no result in common: measure the same engines, "
                    "loads, sizes and depths",
                    before_path, after_path));
  print_out(comparison_text(before, after, comparison, least_change, show_all, output_width()));
  return comparison.count(Verdict::worse) != 0 ? exit_regression : exit_done;
}

}  // namespace aio_bench
