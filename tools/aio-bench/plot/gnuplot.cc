// SPDX-License-Identifier: MIT
#include "plot/gnuplot.h"

#include "base/errors.h"
#include "base/text.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <unistd.h>

namespace aio_bench {

void find_gnuplot() {
  const char* const path = std::getenv("PATH");
  for (const auto& directory : split(path != nullptr ? path : "/usr/bin:/bin", ':'))
    if (::access((directory + "/gnuplot").c_str(), X_OK) == 0) return;
  throw RunError(
      "pictures need gnuplot, which is not installed: apt-get install gnuplot-nox (or "
      "dnf/pacman install gnuplot)");
}

void run_gnuplot(const std::string& script, const std::string& what) {
  // It warns where the locale has no degree sign. One that gives up early must not end
  // this program too.
  std::signal(SIGPIPE, SIG_IGN);
  std::FILE* const gnuplot = ::popen("LC_ALL=C.UTF-8 gnuplot", "w");
  const bool is_written = gnuplot != nullptr && std::fputs(script.c_str(), gnuplot) >= 0;
  if (gnuplot == nullptr || ::pclose(gnuplot) != 0 || !is_written)
    throw RunError(fmt::format("gnuplot could not draw {}: see what it says above", what));
}

std::string gnuplot_string(const std::string& text) {
  std::string result = "'";
  for (const char letter : text) result += letter == '\'' ? "''" : std::string(1, letter);
  return result + "'";
}

}  // namespace aio_bench
