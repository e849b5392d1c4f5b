// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace aio_bench {

// One line on stderr which is written over again and removed in the end; nothing
// at all when stderr is not a terminal.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  bool is_shown() const noexcept { return is_terminal_; }
  void show(const std::string& text) const;

 private:
  const bool is_terminal_;
};

}  // namespace aio_bench
