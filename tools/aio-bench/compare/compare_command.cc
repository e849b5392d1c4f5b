// SPDX-License-Identifier: MIT
#include "base/command_line.h"
#include "base/errors.h"
#include "base/names.h"
#include "base/output.h"
#include "base/text.h"
#include "commands.h"
#include "compare/changes.h"
#include "report/columns.h"

#include <algorithm>
#include <fmt/format.h>
#include <span>
#include <string_view>

namespace aio_bench {

namespace {

constexpr const char* compare_examples = R"(Examples:
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

std::vector<const ComparedFigure*> parse_figures(const std::string& option,
                                                 const std::string& word) {
  std::vector<std::string> known;
  for (const ComparedFigure& figure : compared_figures()) known.emplace_back(figure.name);
  std::vector<const ComparedFigure*> figures;
  for (const std::size_t place : parse_names(option, word, known))
    figures.push_back(&compared_figures()[place]);
  return figures;
}

double parse_percentage(const std::string& option, const std::string& word) {
  char* end = nullptr;
  const double percent = std::strtod(word.c_str(), &end);
  if (word.empty() || *end != '\0' || !(percent >= 0 && percent <= 1000))
    throw UsageError("{}: '{}' is not a percentage: give 0 to 1000", option, word);
  return percent / 100;
}

// ---- What is shown ----

constexpr std::size_t most_setups_listed = 10;

void say_run(char letter, const StoredRun& run, Paragraphs& text) {
  constexpr std::string_view indent = "   ";
  text.add_as_it_is(fmt::format("{}: {}\n", letter, run.path));
  text.add_as_it_is(
      wrapped(fmt::format("{}{}, {}, aio-bench {}{}", indent, run.started_at, run.kernel,
                          run.program_version, run.end == "complete" ? "" : ", " + run.end),
              text.width(), indent));
  text.add_as_it_is(
      wrapped(fmt::format("{}on {}", indent, join(run.targets, ", ")), text.width(), indent));
}

// In what two runs are not alike that may explain what changed.
void say_differences(const StoredRun& before, const StoredRun& after, Paragraphs& text) {
  const auto compare = [&](const char* what, const std::string& one, const std::string& other) {
    if (one != other) text.say("note: another {}: {}, then {}", what, one, other);
  };
  compare("processor", before.cpu_model, after.cpu_model);
  compare("kernel", before.kernel, after.kernel);
  compare("C library", before.c_library, after.c_library);
  compare("aio-bench", before.program_version, after.program_version);
}

const char* verdict_name(Verdict verdict) {
  constexpr const char* names[] = {"same", "better", "WORSE", "not judged"};
  return names[static_cast<std::size_t>(verdict)];
}

// Three or four digits, whatever the size.
std::string number_text(const Change& change, double value) {
  if (std::string_view(change.figure->title).find("latency") != std::string_view::npos)
    return microseconds_text(value);
  return value < 100 ? fmt::format("{:.2f}", value) : count_text(value);
}

using Cells = std::vector<std::string>;

Cells change_cells(const StoredSetup& setup, const Change& change) {
  return {fmt::format("{}", setup.depth),
          setup.engine,
          change.figure->title,
          number_text(change, change.before.median),
          number_text(change, change.after.median),
          fmt::format("{:+.1f}%", 100 * change.relative),
          fmt::format("{:.1f}%", 100 * change.before.spread()),
          fmt::format("{:.1f}%", 100 * change.after.spread()),
          verdict_name(change.verdict)};
}

std::vector<Column> change_columns() {
  return {{.title = "depth", .width = 6},
          {.title = "engine", .width = 10, .is_left_aligned = true},
          {.title = "figure", .width = 22, .is_left_aligned = true},
          {.title = "A", .width = 11, .goes_as = 4},
          {.title = "B", .width = 11, .goes_as = 3},
          {.title = "change", .width = 10},
          {.title = "+- A", .width = 8, .goes_as = 1},
          {.title = "+- B", .width = 8, .goes_as = 2},
          {.title = "verdict", .width = 12, .is_left_aligned = true}};
}

void say_changes(const Comparison& comparison, bool show_all, Paragraphs& text) {
  std::vector<const StoredSetup*> setups;  // of each row
  std::vector<Cells> rows;
  for (const ComparedResult& result : comparison.results)
    for (const Change& change : result.changes)
      if (show_all || change.verdict == Verdict::better || change.verdict == Verdict::worse) {
        setups.push_back(&result.setup);
        rows.push_back(change_cells(result.setup, change));
      }
  const Columns columns(change_columns(), rows, text.width());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i == 0 || !setups[i - 1]->is_of_group(*setups[i])) {
      text.add_as_it_is("\n");
      text.say("{}, {}", setups[i]->target, setup_text(*setups[i]));
      text.add_as_it_is(columns.header());
    }
    text.add_as_it_is(columns.line(rows[i]));
  }
  if (!rows.empty() && !columns.left_out().empty()) text.say("{}.", columns.left_out_text());
  text.add_as_it_is("\n");
}

void say_only(const char* where, std::span<const StoredSetup> setups, Paragraphs& text) {
  for (const StoredSetup& setup : setups.first(std::min(setups.size(), most_setups_listed)))
    text.say("only in {}: {}, depth {}, {}", where, setup.engine, setup.depth, setup_text(setup));
  if (setups.size() > most_setups_listed)
    text.say("only in {}: {} more", where, setups.size() - most_setups_listed);
}

std::string comparison_text(const StoredRun& before, const StoredRun& after,
                            const Comparison& comparison, double threshold, bool show_all,
                            unsigned width) {
  Paragraphs text(width);
  say_run('A', before, text);
  say_run('B', after, text);
  say_differences(before, after, text);
  say_changes(comparison, show_all, text);
  say_only("A", comparison.only_before, text);
  say_only("B", comparison.only_after, text);
  const unsigned unjudged = comparison.count(Verdict::unjudged);
  text.say("{} worse, {} better, {} the same (within noise, or less than {:g} %){}",
           comparison.count(Verdict::worse), comparison.count(Verdict::better),
           comparison.count(Verdict::same), 100 * threshold,
           unjudged == 0
               ? ""
               : fmt::format("; {} not judged: measure with --repeats 3 or more", unjudged));
  return text.text();
}

}  // namespace

int compare_command(int argument_count, const char* const* arguments) {
  CommandLine line("aio-bench compare",
                   "Says what changed between two runs of aio-bench, beyond noise.",
                   compare_examples);
  std::string before_path, after_path;
  std::vector<const ComparedFigure*> compared;
  double least_change = 0;
  bool show_all = false;
  line.word("A.json", "", "what --json wrote before", before_path)->required();
  line.word("B.json", "", "and after", after_path)->required();
  line.value("--threshold", "PERCENT", "smaller changes are none (5)", "5", least_change,
             parse_percentage);
  line.value("--figures", "LIST", "of rate,p50,p99,p99.9,cpu,calls (rate,p99,cpu)", "rate,p99,cpu",
             compared, parse_figures);
  line.flag("--all", show_all, "show what did not change, too");
  if (!line.read(argument_count, arguments)) return exit_done;

  if (before_path == "-" && after_path == "-")
    throw UsageError("'-' is standard input, which holds one result: name a file for the other");
  const StoredRun before = read_stored_run(before_path), after = read_stored_run(after_path);
  const Comparison comparison = compare(before, after, compared, least_change);
  if (comparison.results.empty())
    throw UsageError(
        "{} and {} have no result in common: measure the same engines, loads, sizes and depths",
        before_path, after_path);
  print_out(comparison_text(before, after, comparison, least_change, show_all, output_width()));
  return comparison.count(Verdict::worse) != 0 ? exit_regression : exit_done;
}

}  // namespace aio_bench
