// SPDX-License-Identifier: MIT
#include "output/plot.h"

#include "engines/engines.h"
#include "base/errors.h"
#include "base/text.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <unistd.h>

namespace aio_bench {

namespace {

// Of the palette of Okabe and Ito, which colour-blind people can tell apart; the
// points differ in shape too. An engine looks the same in every picture.
const char* style_of(const std::string& engine_name) {
  static constexpr const char* styles[] = {"lc rgb '#0072B2' pt 5", "lc rgb '#D55E00' pt 7",
                                           "lc rgb '#009E73' pt 9", "lc rgb '#CC79A7' pt 11",
                                           "lc rgb '#E69F00' pt 13", "lc rgb '#56B4E9' pt 3"};
  const auto place = std::ranges::find(known_engines(), engine_name) - known_engines().begin();
  return styles[place];
}

// gnuplot's way of writing a string that holds quotes.
std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char character : text) result += character == '\'' ? "''" : std::string(1, character);
  return result + "'";
}

// Engines without a result, after Ctrl-C, are not in it.
std::string panel_text(const Options& options, const Report& report, Cache cache) {
  std::string data, curves;
  for (const auto& engine_name : options.engine_names) {
    std::string points;
    for (const Result& result : report.results) {
      if (result.what.cache != cache || result.what.engine_name != engine_name) continue;
      const Summary rate = result.summary_of(&Repeat::io_per_second);
      points += fmt::format("{} {} {} {}\n", result.what.depth, rate.median / 1000, rate.least / 1000,
                            rate.greatest / 1000);
    }
    if (points.empty()) continue;
    const std::string block = fmt::format("${}_{}", cache_name(cache), engine_name);
    const char* const style = style_of(engine_name);
    data += block + " << EOD\n" + points + "EOD\n";
    curves += fmt::format("{}{} using 1:2:3:4 with yerrorbars lw 1.5 {} ps 0 notitle, "
                          "{} using 1:2 with linespoints lw 2 ps 1.2 {} title '{}'",
                          curves.empty() ? "plot " : ", ", block, style, block, style,
                          engine_name);
  }
  return data +
         fmt::format("set title '{}'\n", cache == Cache::direct ? "O_DIRECT" : "Buffered") +
         curves + "\n";
}

std::string script_text(const Options& options, const Report& report) {
  const auto panels = options.caches.size();
  const bool is_svg = options.plot_path.ends_with(".svg");
  std::vector<std::string> tics;
  for (const unsigned depth : options.depths) tics.push_back(fmt::format("{}", depth));
  std::string text =
      fmt::format("set terminal {} noenhanced size {},480 font ',13' background rgb 'white'\n",
                  is_svg ? "svg" : "pngcairo", 620 * panels) +
      fmt::format("set output {}\n", quoted(options.plot_path)) +
      fmt::format("set multiplot layout 1,{} title 'aio-bench: {}, {} blocks'\n", panels,
                  load_name(options.loads[0]), size_text(options.greatest_block_bytes())) +
      fmt::format("set logscale x 2\nset xrange [{}:{}]\nset xtics ({})\n",
                  0.8 * std::ranges::min(options.depths), 1.25 * std::ranges::max(options.depths),
                  join(tics, ",")) +
      "set yrange [0:*]\nset grid ytics lt 1 lc rgb '#dddddd'\n"
      "set border 3\nset tics nomirror\nset key left top\n"
      "set xlabel 'I/Os outstanding (queue depth)'\nset ylabel 'thousand I/Os per second'\n";
  for (const Cache cache : options.caches) text += panel_text(options, report, cache);
  return text + "unset multiplot\n";
}

}  // namespace

void check_gnuplot() {
  const char* const path = std::getenv("PATH");
  for (const auto& directory : split(path != nullptr ? path : "/usr/bin:/bin", ':'))
    if (::access((directory + "/gnuplot").c_str(), X_OK) == 0) return;
  throw RunError("--plot needs gnuplot, which is not installed: apt-get install gnuplot-nox (or "
                 "dnf/pacman install gnuplot), or leave out --plot");
}

void draw_plot(const Options& options, const Report& report) {
  std::FILE* const gnuplot = ::popen("gnuplot", "w");
  const std::string script = script_text(options, report);
  const bool is_written = gnuplot != nullptr && std::fputs(script.c_str(), gnuplot) >= 0;
  if (gnuplot == nullptr || ::pclose(gnuplot) != 0 || !is_written)
    throw RunError(fmt::format("--plot: gnuplot could not draw {}", options.plot_path));
}

}  // namespace aio_bench
