// SPDX-License-Identifier: MIT
#include "compare/changes.h"

#include "compare/noise.h"

#include <algorithm>
#include <cmath>

namespace aio_bench {

namespace {

Verdict verdict_of(const Change& change, Difference difference, double threshold) {
  if (difference == Difference::unknown) return Verdict::unjudged;
  if (difference == Difference::none || std::abs(change.relative) < threshold) return Verdict::same;
  return (change.relative > 0) == change.figure->is_more_better ? Verdict::better : Verdict::worse;
}

ComparedResult compare_result(const StoredResult& before, const StoredResult& after,
                              const std::vector<const ComparedFigure*>& figures, double threshold,
                              std::size_t figure_count) {
  ComparedResult result{.setup = before.setup};
  for (const ComparedFigure* const figure : figures) {
    const auto before_values = values_of(before, figure->figure),
               after_values = values_of(after, figure->figure);
    if (before_values.empty() || after_values.empty()) continue;
    Change change{
        .figure = figure, .before = summarize(before_values), .after = summarize(after_values)};
    // From nothing to something has no size.
    if (change.before.median <= 0) continue;
    change.relative = change.after.median / change.before.median - 1;
    change.verdict =
        verdict_of(change, difference_of(before_values, after_values, figure_count), threshold);
    result.changes.push_back(change);
  }
  return result;
}

// Runs on one target each are compared whatever it is called: the same device has
// another name after a reboot, and two devices may be what is to be compared.
bool has_one_target(const StoredRun& run) {
  return std::ranges::all_of(run.results, [&](const StoredResult& result) {
    return result.setup.target == run.results.front().setup.target;
  });
}

}  // namespace

const std::vector<ComparedFigure>& compared_figures() {
  static const std::vector<ComparedFigure> all{
      {"rate", "I/Os per second", true, &StoredRepeat::io_per_second},
      {"p50", "latency, median (us)", false, &StoredRepeat::p50_ns},
      {"p99", "latency, 99 % (us)", false, &StoredRepeat::p99_ns},
      {"p99.9", "latency, 99.9 % (us)", false, &StoredRepeat::p99_9_ns},
      {"cpu", "CPU us per I/O", false, &StoredRepeat::cpu_us_per_io},
      {"calls", "system calls per I/O", false, &StoredRepeat::system_calls_per_io},
  };
  return all;
}

unsigned Comparison::count(Verdict verdict) const noexcept {
  unsigned sum = 0;
  for (const ComparedResult& result : results)
    sum += static_cast<unsigned>(std::ranges::count(result.changes, verdict, &Change::verdict));
  return sum;
}

Comparison compare(const StoredRun& before, const StoredRun& after,
                   const std::vector<const ComparedFigure*>& figures, double threshold) {
  const bool any_target = has_one_target(before) && has_one_target(after);
  const auto is_same = [any_target](const StoredSetup& one, StoredSetup other) {
    if (any_target) other.target = one.target;
    return one == other;
  };
  const auto match_of = [&](const StoredResult& result) {
    const auto match = std::ranges::find_if(
        after.results, [&](const auto& other) { return is_same(result.setup, other.setup); });
    return match == after.results.end() ? nullptr : &*match;
  };
  // Of more figures more differ by chance.
  std::size_t figure_count = 0;
  for (const StoredResult& result : before.results)
    if (const StoredResult* const match = match_of(result))
      figure_count += std::ranges::count_if(
          compare_result(result, *match, figures, threshold, 1).changes,
          [](const Change& change) { return change.verdict != Verdict::unjudged; });
  Comparison comparison;
  for (const StoredResult& result : before.results) {
    const StoredResult* const match = match_of(result);
    if (match == nullptr)
      comparison.only_before.push_back(result.setup);
    else
      comparison.results.push_back(
          compare_result(result, *match, figures, threshold, figure_count));
  }
  for (const StoredResult& result : after.results)
    if (std::ranges::none_of(before.results,
                             [&](const auto& other) { return is_same(other.setup, result.setup); }))
      comparison.only_after.push_back(result.setup);
  return comparison;
}

}  // namespace aio_bench
