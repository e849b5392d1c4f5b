// SPDX-License-Identifier: MIT
// A table that fits a width: as wide as it is meant to be where there is room, else as
// narrow as its content, and then without the columns that can best be done without.
#pragma once

#include <string>
#include <vector>

namespace aio_bench {

struct Column {
  std::string title;
  unsigned width = 0;      // with the space before it; where there is room
  unsigned goes_as = 0;    // the first column to be left out has 1; 0: it stays
  const char* group = "";  // what stands above it and those beside it of the same
  bool is_left_aligned = false;
};

class Columns {
 public:
  // Each of `rows` has a cell for each column; they decide on the widths.
  Columns(std::vector<Column> columns, const std::vector<std::vector<std::string>>& rows,
          unsigned width);

  // The groups, where there are any, and the titles.
  std::string header() const;
  std::string line(const std::vector<std::string>& cells) const;

  // The titles of those that had no room, and a sentence about them without its end.
  const std::vector<std::string>& left_out() const noexcept { return left_out_; }
  std::string left_out_text() const;

 private:
  unsigned total() const noexcept;
  std::string groups() const;

  std::vector<Column> columns_;  // of no width: left out
  std::vector<std::string> left_out_;
};

}  // namespace aio_bench
