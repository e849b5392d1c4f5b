// SPDX-License-Identifier: MIT
#include "output/progress.h"

#include <cstdio>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace aio_bench {

ProgressLine::ProgressLine() : is_terminal_(isatty(STDERR_FILENO) != 0) {}

ProgressLine::~ProgressLine() {
  if (is_terminal_) std::fputs("\r\033[K", stderr);
}

void ProgressLine::show(const std::string& text) const {
  if (!is_terminal_) return;
  // A line that wraps could not be written over.
  winsize size{};
  const bool is_known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  fmt::print(stderr, "\r\033[K{}", text.substr(0, is_known ? size.ws_col - 1U : 79U));
  std::fflush(stderr);
}

}  // namespace aio_bench
