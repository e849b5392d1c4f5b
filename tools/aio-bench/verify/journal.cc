// SPDX-License-Identifier: MIT
#include "verify/journal.h"

#include "base/errors.h"
#include "base/kernel_files.h"
#include "base/random.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unistd.h>
#include <vector>

namespace aio_bench {

namespace {

constexpr const char* journal_format = "aio-bench-journal";
constexpr int journal_version = 1;

// Tells boots of the machine apart.
std::uint64_t this_boot() {
  const std::string id = first_line("/proc/sys/kernel/random/boot_id");
  if (id.empty())
    throw RunError(
        "/proc/sys/kernel/random/boot_id cannot be read: mount /proc, or leave out --journal");
  std::uint64_t sum = 0;
  for (const char letter : id) sum = Random::mix(sum ^ static_cast<unsigned char>(letter));
  return sum;
}

// ---- Its lines ----

std::uint32_t check_of(const JournalLine& line) noexcept {
  std::uint64_t sum = static_cast<unsigned char>(line.kind);
  for (const std::uint64_t part : {line.number, line.range.first, line.range.count})
    sum = Random::mix((sum ^ part) + 0x9e3779b97f4a7c15U);
  return static_cast<std::uint32_t>(sum);
}

template <typename Number>
bool take_number(std::string_view& text, Number& number, int base) noexcept {
  if (text.empty() || text[0] != ' ') return false;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + 1, end, number, base);
  text = {rest, end};
  return error == std::errc{};
}

// ---- Writing ----

[[noreturn]] void fail(const std::string& path) {
  throw RunError("the journal {} cannot be written: {}", path, error_text(errno));
}

// The name of a new file is only on the device when its directory is.
void sync_directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string directory = slash == path.npos ? "." : path.substr(0, slash + 1);
  const FileDescriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened || fsync(opened.number()) != 0) fail(path);
}

// ---- Reading ----

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw UsageError("--journal: {} {}", path, why);
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
    refuse(path,
           fmt::format("has version {} of the journal format, and this aio-bench reads version {}",
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
      throw RunError("the journal {} is damaged at byte {}: what was acknowledged cannot be known",
                     path, lines.valid_bytes);
    lines.cut_off_bytes += line_bytes;
  }
  return lines;
}

}  // namespace

std::string journal_line(const JournalLine& line) {
  return fmt::format("{} {} {} {} {:x}\n", line.kind, line.number, line.range.first,
                     line.range.count, check_of(line));
}

bool parse_journal_line(std::string_view text, JournalLine& line) noexcept {
  if (text.empty()) return false;
  line.kind = text[0];
  text.remove_prefix(1);
  std::uint32_t check = 0;
  return take_number(text, line.number, 10) && take_number(text, line.range.first, 10) &&
         take_number(text, line.range.count, 10) && take_number(text, check, 16) && text.empty() &&
         check == check_of(line);
}

Journal Journal::create(const std::string& path, const JournalHeader& header) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0 && errno == EEXIST)
    throw UsageError(
        "--journal: {} is there already: check what it tells with --continue, or remove it", path);
  if (fd < 0) fail(path);
  Journal journal(path, fd);
  const nlohmann::ordered_json line{{"format", journal_format},
                                    {"version", journal_version},
                                    {"run", header.run},
                                    {"seed", header.seed},
                                    {"block_bytes", header.block_bytes},
                                    {"area_bytes", header.area_bytes},
                                    {"target", header.target}};
  journal.lines_ = line.dump() + '\n';
  journal.begin_session();
  sync_directory_of(path);
  return journal;
}

Journal Journal::append_to(const std::string& path, std::uint64_t valid_bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) fail(path);
  Journal journal(path, fd);
  // A line that a crash cut off would spoil the one behind it.
  if (ftruncate(fd, static_cast<off_t>(valid_bytes)) != 0) fail(path);
  journal.begin_session();
  return journal;
}

void Journal::begin_session() {
  add('b', this_boot(), {});
  flush();
  if (fdatasync(file_.number()) != 0) fail(path_);
}

void Journal::acknowledge(const BlockRange& range, std::uint64_t generation) {
  add('a', generation, range);
}

void Journal::add(char kind, std::uint64_t number, const BlockRange& range) {
  lines_ += journal_line({.kind = kind, .number = number, .range = range});
}

void Journal::flush() {
  std::size_t done = 0;
  while (done < lines_.size()) {
    const ssize_t count = ::write(file_.number(), lines_.data() + done, lines_.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(path_);
    done += static_cast<std::size_t>(count);
  }
  lines_.clear();
}

void Journal::mark_synced() {
  add('s', 0, {});
  flush();
  if (fdatasync(file_.number()) != 0) fail(path_);
}

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
