// SPDX-License-Identifier: MIT
#include "compare/compare_table.h"

#include "base/text.h"

#include <algorithm>
#include <fmt/format.h>
#include <string_view>

namespace aio_bench {

namespace {

constexpr std::size_t most_setups_listed = 10;

std::string run_text(char letter, const StoredRun& run) {
  const std::string end = run.end == "complete" ? "" : ", " + run.end;
  return fmt::format("{}: {}\n   {}, {}, aio-bench {}{}\n   on {}\n", letter, run.path,
                     run.started_at, run.kernel, run.program_version, end,
                     join(run.targets, ", "));
}

// In what two runs are not alike that may explain what changed.
std::string difference_text(const StoredRun& before, const StoredRun& after) {
  std::string text;
  const auto add = [&text](const char* what, const std::string& one, const std::string& other) {
    if (one != other) text += fmt::format("note: another {}: {}, then {}\n", what, one, other);
  };
  add("processor", before.cpu_model, after.cpu_model);
  add("kernel", before.kernel, after.kernel);
  add("C library", before.c_library, after.c_library);
  add("aio-bench", before.program_version, after.program_version);
  return text;
}

const char* verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::better: return "better";
    case Verdict::worse: return "WORSE";
    case Verdict::unjudged: return "not judged";
    default: return "same";
  }
}

// Three or four digits, whatever the size.
std::string number_text(const Change& change, double value) {
  if (std::string_view(change.figure->title).find("latency") != std::string_view::npos)
    return microseconds_text(value);
  return value < 100 ? fmt::format("{:.2f}", value) : count_text(value);
}

std::string change_text(const StoredSetup& setup, const Change& change) {
  return fmt::format("{:>6} {:<9} {:<21} {:>10} {:>10} {:>+8.1f}% {:>6.1f}% {:>6.1f}%  {}\n",
                     setup.depth, setup.engine, change.figure->title,
                     number_text(change, change.before.median),
                     number_text(change, change.after.median), 100 * change.relative,
                     100 * change.before.spread(), 100 * change.after.spread(),
                     verdict_name(change.verdict));
}

std::string table_text(const Comparison& comparison, bool show_all) {
  std::string text;
  const StoredSetup* group = nullptr;
  for (const ComparedResult& result : comparison.results) {
    std::string lines;
    for (const Change& change : result.changes)
      if (show_all || change.verdict == Verdict::better || change.verdict == Verdict::worse)
        lines += change_text(result.setup, change);
    if (lines.empty()) continue;
    if (group == nullptr || !group->is_of_group(result.setup)) {
      group = &result.setup;
      text += fmt::format("\n{}, {}\n{:>6} {:<9} {:<21} {:>10} {:>10} {:>9} {:>7} {:>7}\n",
                          group->target, setup_text(*group), "depth", "engine", "", "A", "B",
                          "change", "+- A", "+- B");
    }
    text += lines;
  }
  return text;
}

std::string only_text(const char* where, const std::vector<StoredSetup>& setups) {
  std::string text;
  for (const auto& setup : setups) {
    if (&setup - setups.data() == static_cast<std::ptrdiff_t>(most_setups_listed)) {
      text += fmt::format("only in {}: {} more\n", where, setups.size() - most_setups_listed);
      break;
    }
    text += fmt::format("only in {}: {}, depth {}, {}\n", where, setup.engine, setup.depth,
                        setup_text(setup));
  }
  return text;
}

}  // namespace

std::string comparison_text(const StoredRun& before, const StoredRun& after,
                            const Comparison& comparison, double threshold, bool show_all) {
  std::string text = run_text('A', before) + run_text('B', after) +
                     difference_text(before, after) + table_text(comparison, show_all) + "\n" +
                     only_text("A", comparison.only_before) + only_text("B", comparison.only_after);
  const unsigned worse = comparison.count(Verdict::worse), same = comparison.count(Verdict::same);
  text += fmt::format("{} worse, {} better, {} the same (within noise, or less than {:g} %)", worse,
                      comparison.count(Verdict::better), same, 100 * threshold);
  if (const unsigned unjudged = comparison.count(Verdict::unjudged); unjudged != 0)
    text += fmt::format("; {} not judged: measure with --repeats 3 or more", unjudged);
  return text + "\n";
}

}  // namespace aio_bench
