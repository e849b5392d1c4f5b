// SPDX-License-Identifier: MIT
#include "plot/pictures.h"

#include "base/text.h"
#include "stats/summary.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <iterator>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

namespace aio_bench {

namespace {

constexpr unsigned lone_panel_width_pixels = 800, panel_width_pixels = 580;
constexpr unsigned panel_height_pixels = 336;
constexpr unsigned header_pixels = 84, left_pixels = 108, right_pixels = 24;
constexpr unsigned top_pixels = 44, bottom_pixels = 58;  // for its title, for its axis
// Of the depth: from one curve to the next, and from the first to the last at most.
constexpr double step_aside = 1.025, widest_aside = 1.25;
// What it was measured on, below the panels.
constexpr unsigned origin_line_pixels = 16, origin_letter_pixels = 7, origin_margin_pixels = 8;
constexpr unsigned legend_line_pixels = 48, legend_row_pixels = 22, letter_pixels = 8;

// A grid of panels: a column for each cache mode. What is above and below them is drawn
// with the first one.
class Page {
 public:
  Page(const Figure& figure, std::size_t rows, const std::string& title, const std::string& note)
      : width_(figure.caches.size() == 1
                   ? lone_panel_width_pixels
                   : static_cast<unsigned>(figure.caches.size()) * panel_width_pixels) {
    std::size_t longest = 0;
    for (const Curve& curve : figure.curves) longest = std::max(longest, curve.title.size());
    const unsigned entry_pixels =
        legend_line_pixels + static_cast<unsigned>(longest + 2) * letter_pixels;
    const auto count = static_cast<unsigned>(figure.curves.size());
    const unsigned legend_columns = std::clamp(width_ / entry_pixels, 1U, count);
    const unsigned legend_rows = (count + legend_columns - 1) / legend_columns;
    const unsigned panels_top = header_pixels + (legend_rows - 1) * legend_row_pixels;
    const unsigned panels_bottom = panels_top + static_cast<unsigned>(rows) * panel_height_pixels;
    std::vector<std::string> origins;
    // Figures without the machine that they are of are not worth much.
    for (const std::string& origin : figure.origins)
      for (const std::string& line : split(wrapped(origin, width_ / origin_letter_pixels), '\n'))
        if (!line.empty()) origins.push_back(line);
    height_ = panels_bottom + origin_margin_pixels +
              static_cast<unsigned>(origins.size()) * origin_line_pixels;

    script_ =
        fmt::format("set multiplot layout {},{} margins screen {},{},{},{} spacing screen {},{}\n",
                    rows, figure.caches.size(), across(left_pixels), across(width_ - right_pixels),
                    from_top(panels_bottom - bottom_pixels), from_top(panels_top + top_pixels),
                    across(left_pixels + right_pixels), 1 - from_top(top_pixels + bottom_pixels));
    label(title, 0.5, 20, "center font ',15'");
    label(fmt::format("{}, on {}; {}", setup_text(figure.setup, false), figure.setup.target, note),
          0.5, 44, "center font ',12' textcolor rgb '#444444'");
    for (unsigned i = 0; i < origins.size(); ++i)
      label(origins[i], across(letter_pixels), panels_bottom + (i + 0.5) * origin_line_pixels,
            "left font ',9' textcolor rgb '#666666'");
    // One for all panels, with what is in any of them.
    script_ += fmt::format(
        "set key at screen 0.5, screen {} center top vertical Left reverse samplen 4 spacing 1.2 "
        "maxrows {}\n",
        from_top(58), legend_rows);
    for (const Curve& curve : figure.curves)
      legend_ += fmt::format(", keyentry with linespoints lw 2 {} {} {} title {}", curve.colour,
                             curve.point, curve.dash, gnuplot_string(curve.title));
    script_ +=
        "set border 3 lc rgb '#666666'\nset tics nomirror textcolor rgb '#222222'\n"
        "set grid xtics ytics lt 1 lw 0.6 lc rgb '#dddddd'\n";
  }

  // The next panel, row by row; `plots` are what follows "plot ", without any it is empty.
  void panel(const std::string& title, const std::string& settings,
             const std::vector<std::string>& plots) {
    if (plots.empty()) {
      script_ += "set multiplot next\n";
      return;
    }
    script_ += fmt::format("set title {} offset 0,-0.4 font ',13'\n{}plot {}{}\n",
                           gnuplot_string(title), settings, fmt::join(plots, ", "), legend_);
    if (!legend_.empty()) script_ += "unset label\nunset key\n";
    legend_.clear();
  }

  void add(const std::string& text) { script_ += text; }

  Picture finish() const {
    return {
        .script = script_ + "unset multiplot\n", .width_pixels = width_, .height_pixels = height_};
  }

 private:
  double across(double pixels) const noexcept { return pixels / width_; }
  double from_top(double pixels) const noexcept { return 1 - pixels / height_; }

  void label(const std::string& text, double x, double y_pixels, const char* look) {
    script_ += fmt::format("set label {} at screen {}, screen {} {}\n", gnuplot_string(text), x,
                           from_top(y_pixels), look);
  }

  const unsigned width_;
  unsigned height_ = 0;
  std::string script_, legend_;
};

std::string cache_title(const std::string& cache) {
  return cache == "direct" ? "O_DIRECT" : cache == "buffered" ? "buffered" : cache;
}

struct DepthRow {
  const char* title;
  const char* label;
  bool is_logarithmic;
  std::optional<double> StoredRepeat::*figure;  // shown as thousandths
};

constexpr DepthRow depth_rows[] = {
    {"Throughput", "thousand I/Os per second", false, &StoredRepeat::io_per_second},
    {"Median latency", "latency (µs)", true, &StoredRepeat::p50_ns},
    {"99th percentile of latency", "latency (µs)", true, &StoredRepeat::p99_ns},
};

double thousandth(double value) { return value / 1000; }

// The values in one panel.
struct Extent {
  double least = std::numeric_limits<double>::infinity();
  double greatest = 0;

  void include(double value) noexcept {
    least = std::min(least, value);
    greatest = std::max(greatest, value);
  }
};

constexpr double room_around = 2;

// A data block of one curve: depth, median, least, greatest.
std::string depth_points(const Figure& figure, std::size_t curve, const std::string& cache,
                         std::optional<double> StoredRepeat::*member, Extent& extent) {
  // A little beside each other, so that all bars can be seen.
  const double steps = static_cast<double>(figure.curves.size()) - 1;
  const double step =
      steps > 0 ? std::min(step_aside, std::pow(widest_aside, 1 / steps)) : step_aside;
  const double aside = std::pow(step, static_cast<double>(curve) - steps / 2);
  std::string points;
  for (const unsigned depth : figure.depths) {
    for (const auto& [result, its_curve] : figure.results) {
      if (its_curve != curve || result->setup.cache != cache || result->setup.depth != depth)
        continue;
      std::vector<double> values = values_of(*result, member);
      std::ranges::transform(values, values.begin(), thousandth);
      const Summary summary = summarize(std::move(values));
      // A logarithmic axis has no place for it.
      if (summary.least <= 0) continue;
      points += fmt::format("{} {} {} {}\n", depth * aside, summary.median, summary.least,
                            summary.greatest);
      extent.include(summary.least);
      extent.include(summary.greatest);
    }
  }
  return points;
}

// As the curves need it. But gnuplot complains of a range that is one value and no more.
std::string logarithmic_axis(const Extent& values) {
  const std::string range =
      values.least < values.greatest
          ? "*:*"
          : fmt::format("{}:{}", values.least / room_around, values.greatest * room_around);
  return fmt::format("set logscale y 10\nset yrange [{}]\n", range);
}

std::string depth_axis(const Figure& figure) {
  std::vector<std::string> tics;
  for (const unsigned depth : figure.depths) tics.push_back(fmt::format("{}", depth));
  return fmt::format("set logscale x 2\nset xrange [{}:{}]\nset xtics ({})\n",
                     0.8 * figure.depths.front(), 1.25 * figure.depths.back(), join(tics, ","));
}

// ---- Latency at every percentile ----

// At 99.9 % this is 1000: equal steps for each nine, on a logarithmic axis.
double rarity_of(double fraction) { return 1 / (1 - fraction); }

constexpr double marked_fractions[] = {0.5, 0.9, 0.99, 0.999, 0.9999};

struct LatencyCurve {
  std::string line, marks;
  double greatest_rarity = 1;
};

LatencyCurve latency_curve(const StoredResult& result) {
  LatencyCurve curve;
  const auto count = std::accumulate(
      result.total_ns.begin(), result.total_ns.end(), 0.0,
      [](double sum, const auto& bucket) { return sum + static_cast<double>(bucket.count); });
  double below = 0;
  std::size_t next_mark = 0;
  for (const StoredBucket& bucket : result.total_ns) {
    const double value_us = thousandth(static_cast<double>(bucket.first_ns + bucket.last_ns) / 2);
    curve.line += fmt::format("{} {}\n", rarity_of(below / count), value_us);
    below += static_cast<double>(bucket.count);
    // The greatest value of N is seen once in N times, and not more rarely.
    curve.greatest_rarity = std::min(count, below < count ? rarity_of(below / count) : count);
    curve.line += fmt::format("{} {}\n", curve.greatest_rarity, value_us);
    for (;
         next_mark < std::size(marked_fractions) && below >= marked_fractions[next_mark] * count &&
         rarity_of(marked_fractions[next_mark]) <= count;
         ++next_mark)
      curve.marks += fmt::format("{} {}\n", rarity_of(marked_fractions[next_mark]), value_us);
  }
  return curve;
}

std::vector<unsigned> shown_depths(const std::vector<unsigned>& depths) {
  if (depths.size() <= 3) return depths;
  return {depths.front(), depths[depths.size() / 2], depths.back()};
}

constexpr const char* percentile_axis =
    "set logscale x 10\nset xtics ('0' 1, '50' 2, '90' 10, '99' 100, '99.9' 1000, '99.99' 10000, "
    "'99.999' 100000, '99.9999' 1000000)\n"
    "set format y '%.10g'\n";

}  // namespace

std::string gnuplot_string(const std::string& text) {
  std::string result = "'";
  for (const char letter : text) result += letter == '\'' ? "''" : std::string(1, letter);
  return result + "'";
}

Picture depth_picture(const Figure& figure) {
  Page page(figure, std::size(depth_rows), "Throughput and latency by queue depth",
            "median of the repeats, bars from least to greatest");
  page.add(depth_axis(figure) + "set format y '%.10g'\n");
  unsigned block_count = 0;
  for (const DepthRow& row : depth_rows) {
    for (const std::string& cache : figure.caches) {
      std::vector<std::string> plots;
      Extent extent;
      for (std::size_t curve = 0; curve < figure.curves.size(); ++curve) {
        const auto points = depth_points(figure, curve, cache, row.figure, extent);
        if (points.empty()) continue;
        const Curve& look = figure.curves[curve];
        page.add(fmt::format("$d_{} << EOD\n{}EOD\n", ++block_count, points));
        plots.push_back(
            fmt::format("$d_{0} using 1:2:3:4 with yerrorbars lw 1.3 {1} ps 0 notitle, "
                        "$d_{0} using 1:2 with linespoints lw 2 {1} {2} {3} notitle",
                        block_count, look.colour, look.point, look.dash));
      }
      page.panel(fmt::format("{}, {}", row.title, cache_title(cache)),
                 fmt::format("{}set ylabel '{}'\nset xlabel 'I/Os outstanding (queue depth{})'\n",
                             row.is_logarithmic ? logarithmic_axis(extent)
                                                : "unset logscale y\nset yrange [0:*]\n",
                             row.label, figure.setup.jobs == 1 ? "" : " of each job"),
                 plots);
    }
  }
  return page.finish();
}

Picture latency_picture(const Figure& figure) {
  const auto depths = shown_depths(figure.depths);
  Page page(figure, depths.size(), "Latency at each percentile", "all repeats together");
  page.add(percentile_axis);
  for (const unsigned depth : depths) {
    for (const std::string& cache : figure.caches) {
      std::vector<std::string> plots;
      double greatest_rarity = 100;
      Extent extent;
      for (std::size_t i = 0; i < figure.results.size(); ++i) {
        const auto& [result, number] = figure.results[i];
        if (result->setup.depth != depth || result->setup.cache != cache ||
            result->total_ns.empty())
          continue;
        const LatencyCurve curve = latency_curve(*result);
        greatest_rarity = std::max(greatest_rarity, curve.greatest_rarity);
        for (const StoredBucket& bucket : {result->total_ns.front(), result->total_ns.back()})
          extent.include(thousandth(static_cast<double>(bucket.first_ns + bucket.last_ns) / 2));
        const Curve& look = figure.curves[number];
        page.add(fmt::format("$l_{0} << EOD\n{1}EOD\n$m_{0} << EOD\n{2}EOD\n", i, curve.line,
                             curve.marks));
        plots.push_back(
            fmt::format("$l_{} with lines lw 1.6 {} {} notitle", i, look.colour, look.dash));
        if (!curve.marks.empty())
          plots.push_back(
              fmt::format("$m_{} with points {} {} notitle", i, look.colour, look.point));
      }
      page.panel(fmt::format("Depth {}, {}", depth, cache_title(cache)),
                 fmt::format("{}set xrange [1:{}]\nset ylabel 'latency (µs)'\n"
                             "set xlabel 'percent of I/Os that took no longer'\n",
                             logarithmic_axis(extent), 1.2 * greatest_rarity),
                 plots);
    }
  }
  return page.finish();
}

}  // namespace aio_bench
