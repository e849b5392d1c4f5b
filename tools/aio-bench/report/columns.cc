// SPDX-License-Identifier: MIT
#include "report/columns.h"

#include <algorithm>
#include <fmt/format.h>
#include <string_view>

namespace aio_bench {

Columns::Columns(std::vector<Column> columns, const std::vector<std::vector<std::string>>& rows,
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

unsigned Columns::total() const noexcept {
  unsigned sum = 0;
  for (const Column& column : columns_) sum += column.width;
  return sum;
}

std::string Columns::line(const std::vector<std::string>& cells) const {
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

// "---- latency, us ----" over its columns, less of it where those are narrow.
std::string Columns::groups() const {
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

std::string Columns::header() const {
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.push_back(column.title);
  return groups() + line(titles);
}

std::string Columns::left_out_text() const {
  return fmt::format("No room here for {}: a wider terminal shows {}", fmt::join(left_out_, ", "),
                     left_out_.size() == 1 ? "it" : "them");
}

}  // namespace aio_bench
