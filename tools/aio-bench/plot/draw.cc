// SPDX-License-Identifier: MIT
#include "plot/draw.h"

#include "base/errors.h"
#include "plot/gnuplot.h"
#include "plot/pictures.h"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>

namespace aio_bench {

namespace {

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

}  // namespace

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

}  // namespace aio_bench
