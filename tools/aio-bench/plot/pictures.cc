// SPDX-License-Identifier: MIT
#include "plot/pictures.h"

#include "base/text.h"
#include "figures/statistics.h"
#include "plot/gnuplot.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <functional>
#include <iterator>
#include <numeric>

namespace aio_bench {

namespace {

constexpr unsigned panel_width_pixels = 560, panel_height_pixels = 300;
constexpr unsigned header_pixels = 110, left_pixels = 84, right_pixels = 22, gap_pixels = 62;
constexpr unsigned legend_entry_pixels = 120;

// Where the panels of a picture are, and what is above them.
class Page {
 public:
  Page(const Figure& figure, std::size_t rows, const std::string& title)
      : figure_(figure), columns_(figure.caches.size()), rows_(rows) {
    const auto text = setup_text(figure.setup, false);
    std::size_t longest = 0;
    for (const Curve& curve : figure.curves) longest = std::max(longest, curve.title.size());
    const auto entry_pixels = std::max<std::size_t>(legend_entry_pixels, 60 + 8 * longest);
    legend_columns_ = std::clamp<std::size_t>((width() - 40) / entry_pixels, 1,
                                              figure.curves.size());
    legend_rows_ = (figure.curves.size() + legend_columns_ - 1) / legend_columns_;
    script_ = fmt::format("set multiplot\nset label 1 {} at screen 0.5, screen {} center font ',15'"
                          "\nset label 2 {} at screen 0.5, screen {} center font ',12' textcolor "
                          "rgb '#444444'\n",
                          gnuplot_string(title), from_top(20),
                          gnuplot_string(text + ", on " + figure.setup.target), from_top(44));
    script_ += "set border 3 lc rgb '#666666'\nset tics nomirror textcolor rgb '#222222'\n"
               "set grid xtics ytics lt 1 lw 0.6 lc rgb '#dddddd'\n";
  }

  unsigned width() const noexcept {
    return static_cast<unsigned>(columns_) * panel_width_pixels + 20;
  }
  unsigned height() const noexcept {
    return header_height() + static_cast<unsigned>(rows_) * panel_height_pixels;
  }

  // Adds the curves of one panel; `plots` is what follows "plot ".
  void panel(std::size_t row, std::size_t column, const std::string& settings,
             const std::string& plots) {
    const unsigned left = static_cast<unsigned>(column) * panel_width_pixels + left_pixels;
    const unsigned top = header_height() + static_cast<unsigned>(row) * panel_height_pixels;
    script_ += fmt::format(
        "set lmargin at screen {}\nset rmargin at screen {}\nset tmargin at screen {}\n"
        "set bmargin at screen {}\n{}",
        across(left), across(left + panel_width_pixels - left_pixels - right_pixels + 10),
        from_top(top + 4), from_top(top + panel_height_pixels - gap_pixels), settings);
    script_ += is_legend_drawn_ ? "unset key\n"
                                : fmt::format("set key at screen 0.5, screen {} center top "
                                              "horizontal maxcols {} samplen 2.5 spacing 1.2 "
                                              "width 1 Left reverse\n",
                                              from_top(58), legend_columns_);
    script_ += "plot " + (is_legend_drawn_ ? "" : legend()) + plots + "\nunset label\n";
    is_legend_drawn_ = true;
  }

  void add(const std::string& text) { script_ += text; }

  Picture finish() const {
    return {.script = script_ + "unset multiplot\n",
            .width_pixels = width(),
            .height_pixels = height()};
  }

 private:
  unsigned header_height() const noexcept {
    return header_pixels + static_cast<unsigned>(legend_rows_ - 1) * 20;
  }
  double across(unsigned pixels) const noexcept { return static_cast<double>(pixels) / width(); }
  double from_top(unsigned pixels) const noexcept {
    return 1 - static_cast<double>(pixels) / height();
  }

  // All curves, also those that the first panel does not have.
  std::string legend() const {
    std::string text;
    for (const Curve& curve : figure_.curves)
      text += fmt::format("NaN with linespoints lw 2 {} {} {} title {}, ", curve.colour,
                          curve.point, curve.dash, gnuplot_string(curve.title));
    return text;
  }

  const Figure& figure_;
  const std::size_t columns_, rows_;
  std::size_t legend_columns_ = 1, legend_rows_ = 1;
  std::string script_;
  bool is_legend_drawn_ = false;
};

std::string cache_title(const std::string& cache) {
  return cache == "direct" ? "O_DIRECT" : cache == "buffered" ? "buffered" : cache;
}

using Values = std::function<std::vector<double>(const StoredResult&)>;

struct DepthRow {
  const char* label;
  const char* settings;
  Values values;
};

double microseconds(double nanoseconds) { return nanoseconds / 1000; }

const std::vector<DepthRow>& depth_rows() {
  const auto latency = [](auto member) {
    return [member](const StoredResult& result) {
      auto values = values_of(result, member);
      std::ranges::transform(values, values.begin(), microseconds);
      return values;
    };
  };
  static constexpr const char* logarithmic = "set logscale y 10\nset yrange [*:*]\n"
                                             "set format y '%.10g'\n";
  static const std::vector<DepthRow> rows{
      {"I/Os per second", "unset logscale y\nset yrange [0:*]\nset format y '%.0s%c'\n",
       [](const StoredResult& r) { return values_of(r, &StoredRepeat::io_per_second); }},
      {"median latency (µs)", logarithmic, latency(&StoredRepeat::p50_ns)},
      {"99 % latency (µs)", logarithmic, latency(&StoredRepeat::p99_ns)},
  };
  return rows;
}

// A data block of one curve: depth, median, least, greatest.
std::string depth_points(const Figure& figure, std::size_t curve, const std::string& cache,
                         const Values& values) {
  std::string points;
  for (const unsigned depth : figure.depths) {
    for (const auto& [result, its_curve] : figure.results) {
      if (its_curve != curve || result->setup.cache != cache || result->setup.depth != depth)
        continue;
      const Summary summary = summarize(values(*result));
      // A logarithmic axis has no place for it.
      if (summary.least <= 0) continue;
      points += fmt::format("{} {} {} {}\n", depth, summary.median, summary.least,
                            summary.greatest);
    }
  }
  return points;
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
    const double value_us =
        microseconds(static_cast<double>(bucket.first_ns + bucket.last_ns) / 2);
    curve.line += fmt::format("{} {}\n", rarity_of(below / count), value_us);
    below += static_cast<double>(bucket.count);
    // The greatest value of N is seen once in N times, and not more rarely.
    curve.greatest_rarity = std::min(count, below < count ? rarity_of(below / count) : count);
    curve.line += fmt::format("{} {}\n", curve.greatest_rarity, value_us);
    for (; next_mark < std::size(marked_fractions) &&
           below >= marked_fractions[next_mark] * count &&
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
    "set logscale x 10\nset xtics ('0' 1, '50' 2, '90' 10, '99' 100, '99.9' 1000, "
    "'99.99' 10000, '99.999' 100000, '99.9999' 1000000)\n"
    "set logscale y 10\nset yrange [*:*]\nset format y '%.10g'\n";

}  // namespace

Picture depth_picture(const Figure& figure) {
  Page page(figure, depth_rows().size(),
            "Throughput and latency by queue depth: medians, bars from least to greatest repeat");
  page.add(depth_axis(figure));
  for (std::size_t row = 0; row < depth_rows().size(); ++row) {
    const DepthRow& what = depth_rows()[row];
    for (std::size_t column = 0; column < figure.caches.size(); ++column) {
      std::string data, plots;
      for (std::size_t curve = 0; curve < figure.curves.size(); ++curve) {
        const auto points = depth_points(figure, curve, figure.caches[column], what.values);
        if (points.empty()) continue;
        const auto block = fmt::format("$d_{}_{}_{}", row, column, curve);
        const Curve& look = figure.curves[curve];
        data += fmt::format("{} << EOD\n{}EOD\n", block, points);
        plots += fmt::format("{}{} using 1:2:3:4 with yerrorbars lw 1.3 {} ps 0 notitle, "
                             "{} using 1:2 with linespoints lw 2 {} {} {} notitle",
                             plots.empty() ? "" : ", ", block, look.colour, block, look.colour,
                             look.point, look.dash);
      }
      if (plots.empty()) continue;
      page.add(data);
      page.panel(row, column,
                 fmt::format("{}set ylabel '{}: {}' offset 1\nset xlabel 'I/Os outstanding (queue "
                             "depth{})'\n", what.settings, cache_title(figure.caches[column]),
                             what.label, figure.setup.jobs == 1 ? "" : " of each job"),
                 plots);
    }
  }
  return page.finish();
}

Picture latency_picture(const Figure& figure) {
  const auto depths = shown_depths(figure.depths);
  Page page(figure, depths.size(), "Latency at each percentile, of all repeats together");
  page.add(percentile_axis);
  for (std::size_t row = 0; row < depths.size(); ++row) {
    for (std::size_t column = 0; column < figure.caches.size(); ++column) {
      std::string data, plots;
      double greatest_rarity = 100;
      for (std::size_t i = 0; i < figure.results.size(); ++i) {
        const auto& [result, number] = figure.results[i];
        if (result->setup.depth != depths[row] || result->setup.cache != figure.caches[column] ||
            result->total_ns.empty())
          continue;
        const LatencyCurve curve = latency_curve(*result);
        greatest_rarity = std::max(greatest_rarity, curve.greatest_rarity);
        const Curve& look = figure.curves[number];
        data += fmt::format("$l_{} << EOD\n{}EOD\n$m_{} << EOD\n{}EOD\n", i, curve.line, i,
                            curve.marks);
        plots += fmt::format("{}$l_{} with lines lw 1.6 {} {} notitle", plots.empty() ? "" : ", ", i,
                             look.colour, look.dash);
        if (!curve.marks.empty())
          plots += fmt::format(", $m_{} with points {} {} notitle", i, look.colour, look.point);
      }
      if (plots.empty()) continue;
      page.add(data);
      page.panel(row, column,
                 fmt::format("set xrange [1:{}]\nset ylabel '{}, depth {}: latency (µs)' offset 1\n"
                             "set xlabel 'percentile'\n", 1.2 * greatest_rarity,
                             cache_title(figure.caches[column]), depths[row]),
                 plots);
    }
  }
  return page.finish();
}

}  // namespace aio_bench
