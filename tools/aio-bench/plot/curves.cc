// SPDX-License-Identifier: MIT
#include "plot/curves.h"

#include "base/names.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace aio_bench {

namespace {

struct EngineStyle {
  const char* engine;
  const char* colour;
  int point;       // filled
  int open_point;  // of further files
};

// The palette of Okabe and Ito, which colour-blind people can tell apart, without
// its yellow, which is too light for lines. The points differ in shape too, and an
// engine looks the same in every picture.
constexpr std::array styles{
    EngineStyle{"kaio", "#0072B2", 5, 4},        EngineStyle{"glibc", "#D55E00", 7, 6},
    EngineStyle{"libaio", "#009E73", 9, 8},      EngineStyle{"io_uring", "#CC79A7", 11, 10},
    EngineStyle{"threads", "#E69F00", 13, 12},   EngineStyle{"preadv2", "#000000", 15, 14},
    EngineStyle{"kaio-engine", "#56B4E9", 3, 2},
};
constexpr EngineStyle other_style{"", "#999999", 1, 1};

std::string file_name(const StoredRun& run) { return run.path.substr(run.path.rfind('/') + 1); }

// The path where the name alone does not tell: before/run.json and after/run.json.
std::string run_name(const std::vector<StoredRun>& runs, std::size_t file) {
  return std::ranges::count(runs, file_name(runs[file]), file_name) == 1 ? file_name(runs[file])
                                                                         : runs[file].path;
}

Curve make_curve(const std::string& engine, const std::vector<StoredRun>& runs, std::size_t file) {
  const auto known = std::ranges::find(styles, engine, &EngineStyle::engine);
  const EngineStyle& style = known == styles.end() ? other_style : *known;
  return {.title = runs.size() == 1 ? engine : fmt::format("{}, {}", engine, run_name(runs, file)),
          .colour = fmt::format("lc rgb '{}'", style.colour),
          .point = fmt::format("pt {} ps 1.1", file == 0 ? style.point : style.open_point),
          .dash = fmt::format("dt {}", file + 1)};
}

// Engines in the order of `styles`, so that the legends of all pictures agree.
std::size_t rank_of(const std::string& engine) {
  return static_cast<std::size_t>(std::ranges::find(styles, engine, &EngineStyle::engine) -
                                  styles.begin());
}

bool belongs_to(const Figure& figure, StoredSetup setup) {
  setup.cache = figure.setup.cache;
  return figure.setup.is_of_group(setup);
}

// "run.json: aio-bench 0.1.0, process 123, 2026-03-01T12:00:00Z, on host, AMD EPYC, ...".
std::string origin_of(const std::vector<StoredRun>& runs, std::size_t file) {
  const StoredRun& run = runs[file];
  std::string text = runs.size() == 1 ? "" : run_name(runs, file) + ": ";
  text += "aio-bench " + run.program_version;
  if (run.process_id != 0) text += fmt::format(", process {}", run.process_id);
  text += ", " + run.started_at;
  if (!run.host_name.empty()) text += ", on " + run.host_name;
  if (!run.cpu_model.empty()) text += ", " + run.cpu_model;
  if (run.cpu_count != 0)
    text += fmt::format(", {} CPU{}", run.cpu_count, run.cpu_count == 1 ? "" : "s");
  return text + ", " + run.kernel;
}

bool is_of(const StoredRun& run, const StoredResult* result) {
  return !run.results.empty() && result >= run.results.data() && result <= &run.results.back();
}

// Gives each engine of each file its curve.
void make_curves(Figure& figure, const std::vector<StoredRun>& runs) {
  std::vector<std::string> engines;
  for (const auto& plotted : figure.results) add_once(engines, plotted.result->setup.engine);
  std::ranges::stable_sort(engines, {}, rank_of);
  for (const auto& engine : engines) {
    for (std::size_t file = 0; file < runs.size(); ++file) {
      bool is_used = false;
      for (auto& plotted : figure.results) {
        if (!is_of(runs[file], plotted.result) || plotted.result->setup.engine != engine) continue;
        plotted.curve = figure.curves.size();
        is_used = true;
      }
      if (is_used) figure.curves.push_back(make_curve(engine, runs, file));
    }
  }
}

}  // namespace

std::vector<Figure> figures_of(const std::vector<StoredRun>& runs) {
  std::vector<Figure> figures;
  for (const StoredRun& run : runs) {
    for (const StoredResult& result : run.results) {
      auto figure = std::ranges::find_if(
          figures, [&](const Figure& one) { return belongs_to(one, result.setup); });
      if (figure == figures.end()) {
        figures.push_back({.setup = result.setup});
        figure = std::prev(figures.end());
      }
      figure->results.push_back({.result = &result});
      add_once(figure->caches, result.setup.cache);
      add_once(figure->depths, result.setup.depth);
    }
  }
  for (Figure& figure : figures) {
    std::ranges::sort(figure.depths);
    make_curves(figure, runs);
    for (std::size_t file = 0; file < runs.size(); ++file)
      if (std::ranges::any_of(figure.results, [&](const auto& plotted) {
            return is_of(runs[file], plotted.result);
          }))
        figure.origins.push_back(origin_of(runs, file));
  }
  return figures;
}

}  // namespace aio_bench
