// SPDX-License-Identifier: MIT
#include "plot/pictures.h"

#include "base/text.h"
#include "stats/summary.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <functional>
#include <iterator>
#include <limits>
#include <numeric>

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
constexpr unsigned legend_line_pixels = 36, legend_row_pixels = 22, letter_pixels = 8;

// Where the panels of a picture are, and what is above them.
class Page {
 public:
  Page(const Figure& figure, std::size_t rows, const std::string& title, const std::string& note)
      : figure_(figure), columns_(figure.caches.size()), rows_(rows) {
    const auto text = setup_text(figure.setup, false);
    std::size_t longest = 0;
    for (const Curve& curve : figure.curves) longest = std::max(longest, curve.title.size());
    legend_entry_pixels_ = legend_line_pixels + static_cast<unsigned>(longest + 3) * letter_pixels;
    const auto count = static_cast<unsigned>(figure.curves.size());
    legend_columns_ = std::clamp((width() - 2 * letter_pixels) / legend_entry_pixels_, 1U, count);
    legend_rows_ = (count + legend_columns_ - 1) / legend_columns_;
    for (const std::string& origin : figure.origins)
      for (std::string& line : split(wrapped(origin, width() / origin_letter_pixels), '\n'))
        if (!line.empty()) origin_lines_.push_back(std::move(line));
    script_ = fmt::format(
        "set multiplot\nset label 1 {} at screen 0.5, screen {} center font ',15'\nset label {} at "
        "screen 0.5, screen {} center font ',12' textcolor rgb '#444444'\n",
        gnuplot_string(title), from_top(20),
        gnuplot_string(fmt::format("{}, on {}; {}", text, figure.setup.target, note)),
        from_top(44));
    script_ += "unset key\n" + legend() + origins();
    script_ +=
        "set border 3 lc rgb '#666666'\nset tics nomirror textcolor rgb '#222222'\n"
        "set grid xtics ytics lt 1 lw 0.6 lc rgb '#dddddd'\n";
  }

  unsigned width() const noexcept { return static_cast<unsigned>(columns_) * panel_width(); }
  unsigned height() const noexcept {
    return panels_bottom() + origin_margin_pixels +
           static_cast<unsigned>(origin_lines_.size()) * origin_line_pixels;
  }

  // Adds the curves of one panel; `plots` is what follows "plot ".
  void panel(std::size_t row, std::size_t column, const std::string& title,
             const std::string& settings, const std::string& plots) {
    const unsigned left = static_cast<unsigned>(column) * panel_width() + left_pixels;
    const unsigned top = header_height() + static_cast<unsigned>(row) * panel_height_pixels;
    script_ += fmt::format(
        "set lmargin at screen {}\nset rmargin at screen {}\nset tmargin at screen {}\n"
        "set bmargin at screen {}\nset title {} offset 0,-0.4 font ',13'\n{}",
        across(left), across(left + panel_width() - left_pixels - right_pixels),
        from_top(top + top_pixels), from_top(top + panel_height_pixels - bottom_pixels),
        gnuplot_string(title), settings);
    // What stands above the panels is drawn with the first one.
    script_ += "plot " + plots + "\nunset label\nunset arrow\n";
  }

  void add(const std::string& text) { script_ += text; }

  Picture finish() const {
    return {.script = script_ + "unset multiplot\n",
            .width_pixels = width(),
            .height_pixels = height()};
  }

 private:
  unsigned panels_bottom() const noexcept {
    return header_height() + static_cast<unsigned>(rows_) * panel_height_pixels;
  }
  unsigned panel_width() const noexcept {
    return columns_ == 1 ? lone_panel_width_pixels : panel_width_pixels;
  }
  unsigned header_height() const noexcept {
    return header_pixels + (legend_rows_ - 1) * legend_row_pixels;
  }
  double across(unsigned pixels) const noexcept { return static_cast<double>(pixels) / width(); }
  double from_top(double pixels) const noexcept { return 1 - pixels / height(); }

  // Made of lines, points and words: gnuplot's own belongs to one panel, and has
  // only what is in it.
  std::string legend() const {
    std::string text;
    const unsigned left = (width() - legend_columns_ * legend_entry_pixels_) / 2 + letter_pixels;
    for (unsigned i = 0; i < figure_.curves.size(); ++i) {
      const Curve& curve = figure_.curves[i];
      const unsigned x = left + i % legend_columns_ * legend_entry_pixels_;
      const double y = from_top(70 + i / legend_columns_ * legend_row_pixels);
      text += fmt::format(
          "set arrow from screen {0}, screen {2} to screen {1}, screen {2} nohead lw 2 {3} {4}\n",
          across(x), across(x + legend_line_pixels), y, curve.colour, curve.dash);
      text += fmt::format("set label '' at screen {}, screen {} point {} {}\n",
                          across(x + legend_line_pixels / 2), y, curve.point, curve.colour);
      text +=
          fmt::format("set label {} at screen {}, screen {} left\n", gnuplot_string(curve.title),
                      across(x + legend_line_pixels + letter_pixels), y);
    }
    return text;
  }

  const Figure& figure_;
  // Figures without the machine that they are of are not worth much.
  std::string origins() const {
    std::string text;
    for (unsigned i = 0; i < origin_lines_.size(); ++i)
      text += fmt::format(
          "set label {} at screen {}, screen {} left font ',9' textcolor rgb '#666666'\n",
          gnuplot_string(origin_lines_[i]), across(letter_pixels),
          from_top(panels_bottom() + (i + 0.5) * origin_line_pixels));
    return text;
  }

  const std::size_t columns_, rows_;
  std::vector<std::string> origin_lines_;
  unsigned legend_entry_pixels_ = 0, legend_columns_ = 1, legend_rows_ = 1;
  std::string script_;
};

std::string cache_title(const std::string& cache) {
  return cache == "direct" ? "O_DIRECT" : cache == "buffered" ? "buffered" : cache;
}

using Values = std::function<std::vector<double>(const StoredResult&)>;

struct DepthRow {
  const char* title;
  const char* label;
  bool is_logarithmic;
  Values values;
};

double thousandth(double value) { return value / 1000; }

const std::vector<DepthRow>& depth_rows() {
  const auto thousandths = [](auto member) {
    return [member](const StoredResult& result) {
      auto values = values_of(result, member);
      std::ranges::transform(values, values.begin(), thousandth);
      return values;
    };
  };
  static const std::vector<DepthRow> rows{
      {"Throughput", "thousand I/Os per second", false, thousandths(&StoredRepeat::io_per_second)},
      {"Median latency", "latency (µs)", true, thousandths(&StoredRepeat::p50_ns)},
      {"99th percentile of latency", "latency (µs)", true, thousandths(&StoredRepeat::p99_ns)},
  };
  return rows;
}

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
                         const Values& values, Extent& extent) {
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
      const Summary summary = summarize(values(*result));
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
  Page page(figure, depth_rows().size(), "Throughput and latency by queue depth",
            "median of the repeats, bars from least to greatest");
  page.add(depth_axis(figure) + "set format y '%.10g'\n");
  for (std::size_t row = 0; row < depth_rows().size(); ++row) {
    const DepthRow& what = depth_rows()[row];
    for (std::size_t column = 0; column < figure.caches.size(); ++column) {
      std::string data, plots;
      Extent extent;
      for (std::size_t curve = 0; curve < figure.curves.size(); ++curve) {
        const auto points = depth_points(figure, curve, figure.caches[column], what.values, extent);
        if (points.empty()) continue;
        const auto block = fmt::format("$d_{}_{}_{}", row, column, curve);
        const Curve& look = figure.curves[curve];
        data += fmt::format("{} << EOD\n{}EOD\n", block, points);
        plots += fmt::format(
            "{}{} using 1:2:3:4 with yerrorbars lw 1.3 {} ps 0 notitle, {} using 1:2 with "
            "linespoints lw 2 {} {} {} notitle",
            plots.empty() ? "" : ", ", block, look.colour, block, look.colour, look.point,
            look.dash);
      }
      if (plots.empty()) continue;
      page.add(data);
      page.panel(row, column, fmt::format("{}, {}", what.title, cache_title(figure.caches[column])),
                 fmt::format("{}set ylabel '{}'\nset xlabel 'I/Os outstanding (queue depth{})'\n",
                             what.is_logarithmic ? logarithmic_axis(extent)
                                                 : "unset logscale y\nset yrange [0:*]\n",
                             what.label, figure.setup.jobs == 1 ? "" : " of each job"),
                 plots);
    }
  }
  return page.finish();
}

Picture latency_picture(const Figure& figure) {
  const auto depths = shown_depths(figure.depths);
  Page page(figure, depths.size(), "Latency at each percentile", "all repeats together");
  page.add(percentile_axis);
  for (std::size_t row = 0; row < depths.size(); ++row) {
    for (std::size_t column = 0; column < figure.caches.size(); ++column) {
      std::string data, plots;
      double greatest_rarity = 100;
      Extent extent;
      for (std::size_t i = 0; i < figure.results.size(); ++i) {
        const auto& [result, number] = figure.results[i];
        if (result->setup.depth != depths[row] || result->setup.cache != figure.caches[column] ||
            result->total_ns.empty())
          continue;
        const LatencyCurve curve = latency_curve(*result);
        greatest_rarity = std::max(greatest_rarity, curve.greatest_rarity);
        for (const StoredBucket& bucket : {result->total_ns.front(), result->total_ns.back()})
          extent.include(thousandth(static_cast<double>(bucket.first_ns + bucket.last_ns) / 2));
        const Curve& look = figure.curves[number];
        data += fmt::format("$l_{} << EOD\n{}EOD\n$m_{} << EOD\n{}EOD\n", i, curve.line, i,
                            curve.marks);
        plots += fmt::format("{}$l_{} with lines lw 1.6 {} {} notitle", plots.empty() ? "" : ", ",
                             i, look.colour, look.dash);
        if (!curve.marks.empty())
          plots += fmt::format(", $m_{} with points {} {} notitle", i, look.colour, look.point);
      }
      if (plots.empty()) continue;
      page.add(data);
      page.panel(row, column,
                 fmt::format("Depth {}, {}", depths[row], cache_title(figure.caches[column])),
                 fmt::format("{}set xrange [1:{}]\nset ylabel 'latency (µs)'\n"
                             "set xlabel 'percent of I/Os that took no longer'\n",
                             logarithmic_axis(extent), 1.2 * greatest_rarity),
                 plots);
    }
  }
  return page.finish();
}

}  // namespace aio_bench
