// SPDX-License-Identifier: MIT
#include "verify/journal.h"

#include "base/errors.h"
#include "verify/journal_line.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace aio_bench {

namespace {

[[noreturn]] void fail(const std::string& path) {
  throw RunError(fmt::format("the journal {} cannot be written: {}", path, error_text(errno)));
}

// The name of a new file is only on the device when its directory is.
void sync_directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string directory = slash == path.npos ? "." : path.substr(0, slash + 1);
  const FileDescriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened || fsync(opened.number()) != 0) fail(path);
}

}  // namespace

Journal Journal::create(const std::string& path, const JournalHeader& header) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0 && errno == EEXIST)
    throw UsageError(
        fmt::format("--journal: {} is there already: check what it tells with "
                    "--continue, or remove it",
                    path));
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

}  // namespace aio_bench
