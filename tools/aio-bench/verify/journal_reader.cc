// SPDX-License-Identifier: MIT
#include "base/errors.h"
#include "verify/journal.h"
#include "verify/journal_line.h"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

namespace aio_bench {

namespace {

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw UsageError(fmt::format("--journal: {} {}", path, why));
}

std::ifstream open_journal(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) refuse(path, "cannot be read: give the file that a run of verify with --journal made");
  return file;
}

JournalHeader take_header(std::istream& file, const std::string& path) {
  std::string text;
  std::getline(file, text);
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || json.value("format", "") != journal_format)
    refuse(path, "is no journal of aio-bench verify");
  if (json.value("version", 0) != journal_version)
    refuse(path, fmt::format("has version {} of the journal format, and this aio-bench reads "
                             "version {}",
                             json["version"].dump(), journal_version));
  try {
    JournalHeader header{.run = json.at("run"),
                         .seed = json.at("seed"),
                         .block_bytes = json.at("block_bytes"),
                         .area_bytes = json.at("area_bytes"),
                         .target = json.at("target")};
    if (header.block_bytes < least_stamp_bytes || header.block_bytes % least_stamp_bytes != 0 ||
        header.area_bytes % header.block_bytes != 0)
      refuse(path, "has a damaged first line");
    return header;
  } catch (const nlohmann::json::exception&) {
    refuse(path, "has a damaged first line");
  }
}

struct Lines {
  std::vector<JournalLine> all{};
  std::uint64_t valid_bytes = 0;
  std::uint64_t cut_off_bytes = 0;
};

// What a crash of the machine cut off, or left half written, is behind the last line
// that was synced: damage before that one is another matter.
Lines take_lines(std::istream& file, const std::string& path, const BlockMap& blocks) {
  Lines lines{.valid_bytes = static_cast<std::uint64_t>(file.tellg())};
  for (std::string text; std::getline(file, text);) {
    JournalLine line;
    const bool is_whole = !file.eof() && parse_journal_line(text, line) &&
                          line.range.first <= blocks.size() &&
                          line.range.count <= blocks.size() - line.range.first;
    const std::uint64_t line_bytes = text.size() + (file.eof() ? 0 : 1);
    if (is_whole && lines.cut_off_bytes == 0) {
      lines.valid_bytes += line_bytes;
      lines.all.push_back(line);
      continue;
    }
    if (is_whole && line.kind == 's')
      throw RunError(
          fmt::format("the journal {} is damaged at byte {}: what was acknowledged "
                      "cannot be known",
                      path, lines.valid_bytes));
    lines.cut_off_bytes += line_bytes;
  }
  return lines;
}

}  // namespace

JournalHeader read_journal_header(const std::string& path) {
  auto file = open_journal(path);
  return take_header(file, path);
}

JournalContent read_journal(const std::string& path, bool synced_only, BlockMap& blocks) {
  auto file = open_journal(path);
  JournalContent content{.header = take_header(file, path)};
  const Lines lines = take_lines(file, path, blocks);
  content.valid_bytes = lines.valid_bytes;
  content.cut_off_bytes = lines.cut_off_bytes;

  std::size_t synced_lines = 0;
  for (std::size_t i = 0; i < lines.all.size(); ++i)
    if (lines.all[i].kind == 's') synced_lines = i;

  const std::uint64_t boot = this_boot();
  for (std::size_t i = 0; i < lines.all.size(); ++i) {
    const JournalLine& line = lines.all[i];
    if (line.kind == 'b') content.is_of_this_boot = line.number == boot;
    if (line.kind != 'a') continue;
    ++content.acknowledged;
    content.last_generation = std::max(content.last_generation, line.number);
    if (i > synced_lines && (synced_only || !content.is_of_this_boot)) continue;
    ++content.required;
    blocks.acknowledge(line.range, line.number);
  }
  blocks.doubt_everything();
  return content;
}

}  // namespace aio_bench
