// SPDX-License-Identifier: MIT
// What changed between two runs.
#pragma once

#include "report/json_reader.h"
#include "stats/summary.h"

#include <string>
#include <vector>

namespace aio_bench {

enum class Verdict : std::uint8_t { same, better, worse, unjudged };

// A figure that can be compared.
struct ComparedFigure {
  const char* name;   // on the command line
  const char* title;  // in the table
  bool is_more_better;
  std::optional<double> StoredRepeat::*figure;
};

const std::vector<ComparedFigure>& compared_figures();

struct Change {
  const ComparedFigure* figure = nullptr;
  Summary before, after;
  double relative = 0;  // of the medians: 0.1 is 10 % more
  Verdict verdict = Verdict::same;
};

struct ComparedResult {
  StoredSetup setup;
  std::vector<Change> changes{};  // by figure; without those that a run does not have
};

struct Comparison {
  std::vector<ComparedResult> results;
  std::vector<StoredSetup> only_before, only_after;

  unsigned count(Verdict verdict) const noexcept;
};

// `threshold`: a change that is smaller, relative to before, is none.
Comparison compare(const StoredRun& before, const StoredRun& after,
                   const std::vector<const ComparedFigure*>& figures, double threshold);

}  // namespace aio_bench
