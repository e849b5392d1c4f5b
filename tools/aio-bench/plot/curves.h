// SPDX-License-Identifier: MIT
// Results as what is drawn: one curve for each engine of each file.
#pragma once

#include "report/json_reader.h"

#include <string>
#include <vector>

namespace aio_bench {

// One result and the curve that it is a point of.
struct PlottedResult {
  const StoredResult* result = nullptr;
  std::size_t curve = 0;  // in Figure::curves
};

struct Curve {
  std::string title;                // "kaio", or "kaio, before.json" where there are several files
  std::string colour, point, dash;  // as gnuplot's plot command takes them
};

// All results that differ only in engine, depth, cache and file: one page.
struct Figure {
  StoredSetup setup;
  std::vector<std::string> caches{};
  std::vector<unsigned> depths{};  // ascending
  std::vector<Curve> curves{};
  std::vector<PlottedResult> results{};
  std::vector<std::string> origins{};  // of each file in it: program, date, machine
};

// `runs` has to outlive the figures.
std::vector<Figure> figures_of(const std::vector<StoredRun>& runs);

}  // namespace aio_bench
