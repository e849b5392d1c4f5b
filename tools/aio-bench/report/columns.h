// SPDX-License-Identifier: MIT
// A table that fits a width: as wide as it is meant to be where there is room, else as
// narrow as its content, and then without the columns that can best be done without.
#pragma once

#include <algorithm>
#include <fmt/format.h>
#include <string>
#include <string_view>
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
          unsigned width)
      : columns_(std::move(columns)) {
    std::vector<unsigned> least;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      std::size_t longest = columns_[i].title.size();
      for (const auto& row : rows) longest = std::max(longest, row[i].size());
      // Before the first one there is nothing to be apart from.
      least.push_back(static_cast<unsigned>(longest + (i == 0 ? 0 : 1)));
      columns_[i].width = std::max(columns_[i].width, least[i]);
    }
    if (total() <= width) return;
    for (std::size_t i = 0; i < columns_.size(); ++i) columns_[i].width = least[i];
    while (total() > width) {
      Column* next = nullptr;
      for (Column& column : columns_)
        if (column.width != 0 && column.goes_as != 0 &&
            (next == nullptr || column.goes_as < next->goes_as))
          next = &column;
      if (next == nullptr) break;
      next->width = 0;
      left_out_.push_back(next->title);
    }
  }

  // The groups, where there are any, and the titles.
  std::string header() const {
    std::vector<std::string> titles;
    for (const Column& column : columns_) titles.push_back(column.title);
    return groups() + line(titles);
  }

  std::string line(const std::vector<std::string>& cells) const {
    std::string text;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const Column& column = columns_[i];
      if (column.width == 0) continue;
      if (column.is_left_aligned)
        text += fmt::format(" {:<{}}", cells[i], column.width - 1);
      else
        text += fmt::format("{:>{}}", cells[i], column.width);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text + "\n";
  }

  // The titles of those that had no room, and a sentence about them without its end.
  const std::vector<std::string>& left_out() const noexcept { return left_out_; }
  std::string left_out_text() const {
    return fmt::format("No room here for {}: a wider terminal shows {}", fmt::join(left_out_, ", "),
                       left_out_.size() == 1 ? "it" : "them");
  }

 private:
  unsigned total() const noexcept {
    unsigned sum = 0;
    for (const Column& column : columns_) sum += column.width;
    return sum;
  }

  // "---- latency, us ----" over its columns, less of it where those are narrow.
  std::string groups() const {
    std::string text;
    for (auto first = columns_.begin(); first != columns_.end();) {
      const std::string_view group = first->group;
      unsigned width = 0;
      auto last = first;
      for (; last != columns_.end() && last->group == group; ++last) width += last->width;
      first = last;
      if (width == 0) continue;
      if (group.empty()) {
        text += std::string(width, ' ');
      } else {
        const std::size_t room = width < 2 ? 0 : width - 2;
        const std::string title = " " + std::string(group) + " ";
        text += "  " + (title.size() <= room ? fmt::format("{:-^{}}", title, room)
                                             : std::string(group.substr(0, room)));
      }
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text.empty() ? text : text + "\n";
  }

  std::vector<Column> columns_;  // of no width: left out
  std::vector<std::string> left_out_;
};

}  // namespace aio_bench
