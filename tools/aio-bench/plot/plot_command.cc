// SPDX-License-Identifier: MIT
#include "base/command_line.h"
#include "base/errors.h"
#include "base/output.h"
#include "base/text.h"
#include "commands.h"
#include "plot/pictures.h"

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <unistd.h>

namespace aio_bench {

namespace {

constexpr const char* plot_examples = R"(Examples:
  aio-bench plot run.json                draws run-depth.svg and .png, run-latency.svg and .png
  aio-bench plot before.json after.json -o both

For every load, block size, target and so on there are two pictures: throughput and
latency against depth, and the latency at each percentile. What differs between them
is in their names. Files of these names are written over. Exit codes: 0 done,
1 failed, 2 wrong usage or a file that is no result. - is standard input.)";

std::string default_prefix(const std::string& path) {
  return path.ends_with(".json") ? path.substr(0, path.size() - 5) : path;
}

void find_gnuplot() {
  const char* const path = std::getenv("PATH");
  for (const auto& directory : split(path != nullptr ? path : "/usr/bin:/bin", ':'))
    if (::access((directory + "/gnuplot").c_str(), X_OK) == 0) return;
  throw RunError(
      "pictures need gnuplot, which is not installed: apt-get install gnuplot-nox (or dnf/pacman "
      "install gnuplot)");
}

void run_gnuplot(const std::string& script, const std::string& what) {
  // It warns where the locale has no degree sign. One that gives up early must not end
  // this program too.
  std::signal(SIGPIPE, SIG_IGN);
  std::FILE* const gnuplot = ::popen("LC_ALL=C.UTF-8 gnuplot", "w");
  const bool is_written = gnuplot != nullptr && std::fputs(script.c_str(), gnuplot) >= 0;
  if (gnuplot == nullptr || ::pclose(gnuplot) != 0 || !is_written)
    throw RunError("gnuplot could not draw {}: see what it says above", what);
}

// "randread of 4 KiB, 2 jobs" as a part of a file's name.
std::string slug_of(const StoredSetup& setup) {
  std::string slug;
  for (const char letter : setup_text(setup, false)) {
    if (std::isalnum(static_cast<unsigned char>(letter)) != 0)
      slug += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    else if (!slug.ends_with('-'))
      slug += '-';
  }
  return slug;
}

// Two figures may differ in the target alone.
std::vector<std::string> names_of(const std::vector<Figure>& figures, const std::string& prefix) {
  if (figures.size() == 1) return {prefix};
  std::vector<std::string> names;
  for (const Figure& figure : figures) {
    const std::string name = prefix + "-" + slug_of(figure.setup);
    std::string unique = name;
    for (unsigned i = 2; std::ranges::find(names, unique) != names.end(); ++i)
      unique = fmt::format("{}-{}", name, i);
    names.push_back(unique);
  }
  return names;
}

void draw(const Picture& picture, const std::string& name, std::vector<std::string>& paths) {
  for (const auto& [suffix, terminal] : {std::pair{".svg", "svg"}, std::pair{".png", "pngcairo"}}) {
    const std::string path = name + suffix;
    run_gnuplot(fmt::format("set encoding utf8\nset terminal {} noenhanced size {},{} font "
                            "'sans,12' background rgb 'white'\nset output {}\n{}",
                            terminal, picture.width_pixels, picture.height_pixels,
                            gnuplot_string(path), picture.script),
                path);
    paths.push_back(path);
  }
}

std::vector<std::string> draw_pictures(const std::vector<StoredRun>& runs,
                                       const std::string& prefix) {
  const std::vector<Figure> figures = figures_of(runs);
  if (figures.empty()) throw UsageError("there are no results to draw");
  find_gnuplot();
  const auto names = names_of(figures, prefix);
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < figures.size(); ++i) {
    draw(depth_picture(figures[i]), names[i] + "-depth", paths);
    draw(latency_picture(figures[i]), names[i] + "-latency", paths);
  }
  return paths;
}

}  // namespace

int plot_command(int argument_count, const char* const* arguments) {
  CommandLine line("aio-bench plot",
                   "Draws results of aio-bench --json, as SVG and PNG, with gnuplot.",
                   plot_examples);
  std::vector<std::string> paths;
  std::string prefix;
  line.add_option("RESULT.json", paths, "what --json wrote; of several, each gets its own curves")
      ->required()
      ->type_name("");
  line.word("-o,--output", "PREFIX", "what the pictures' names begin with (the first file's)",
            prefix);
  if (!line.read(argument_count, arguments)) return exit_done;

  if (std::ranges::count(paths, "-") > 1)
    throw UsageError("'-' is standard input, which holds one result: name files for the others");
  if (prefix.empty() && paths.front() == "-")
    throw UsageError("the pictures of standard input have no name: give --output PREFIX");
  if (prefix.empty()) prefix = default_prefix(paths.front());
  std::vector<StoredRun> runs;
  for (const auto& path : paths) runs.push_back(read_stored_run(path));
  for (const auto& path : draw_pictures(runs, prefix)) print_out(path + "\n");
  return exit_done;
}

}  // namespace aio_bench
