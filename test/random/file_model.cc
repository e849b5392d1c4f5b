// SPDX-License-Identifier: MIT
#include "file_model.h"

#include "chance.h"

#include "support/aligned_buffer.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace random_test {

std::uint64_t FileModel::next_version() {
  static std::atomic<std::uint64_t> version{1};
  return version.fetch_add(1);
}

FileModel::FileModel(std::string content, std::size_t capacity_bytes)
    : base_(std::move(content)), base_size_(base_.size()) {
  base_.resize(capacity_bytes);
}

FileModel::Write& FileModel::begin_write(std::uint64_t begin, std::uint64_t end) {
  const std::lock_guard lock(mutex_);
  return writes_.emplace_back(
      Write{.begin = begin, .end = end, .version = next_version(), .submitted = tick()});
}

void FileModel::end_write(Write& write, bool happened) {
  const std::lock_guard lock(mutex_);
  write.happened = happened;
  write.ended = tick();
}

bool FileModel::check_read(const char* data, std::uint64_t offset, std::size_t length,
                           ssize_t result, std::uint64_t submitted, std::uint64_t ended,
                           const char* name) {
  const std::lock_guard lock(mutex_);
  std::uint64_t least = base_size_;
  std::uint64_t most = base_size_;
  std::vector<const Write*> over;
  std::vector<std::uint64_t> edges{offset, offset + static_cast<std::uint64_t>(result)};
  for (const Write& write : writes_) {
    if (!write.happened || write.submitted >= ended) continue;
    most = std::max(most, write.end);
    if (write.ended < submitted) least = std::max(least, write.end);
    if (write.end <= offset || write.begin >= edges[1]) continue;
    over.push_back(&write);
    edges.push_back(std::max(write.begin, offset));
    edges.push_back(std::min(write.end, edges[1]));
  }
  const auto seen_of = [&](std::uint64_t size) {
    return size <= offset ? 0 : std::min<std::uint64_t>(length, size - offset);
  };
  const auto size = static_cast<std::uint64_t>(result);
  if (size < seen_of(least) || size > seen_of(most)) {
    report("%s: a read of %zu at %lu gave %zd, where the file's size was %lu to %lu", name, length,
           offset, result, least, most);
    return false;
  }
  std::ranges::sort(edges);
  for (std::size_t i = 0; i + 1 < edges.size(); ++i)
    if (edges[i] < edges[i + 1] &&
        !check_part(data + (edges[i] - offset), edges[i], edges[i + 1], over, submitted, name))
      return false;
  return true;
}

// No write begins or ends inside the part.
bool FileModel::check_part(const char* data, std::uint64_t begin, std::uint64_t end,
                           const std::vector<const Write*>& writes, std::uint64_t submitted,
                           const char* name) const {
  std::vector<const Write*> covering;
  for (const Write* write : writes)
    if (write->begin <= begin && write->end >= end) covering.push_back(write);
  const auto is_superseded = [&](std::uint64_t ended) {
    return std::ranges::any_of(covering, [&](const Write* other) {
      return other->submitted > ended && other->ended < submitted;
    });
  };
  const bool base_is_legal = !is_superseded(0);
  std::vector<std::uint64_t> legal;
  for (const Write* write : covering)
    if (write->ended == never || !is_superseded(write->ended)) legal.push_back(write->version);
  for (std::uint64_t place = begin; place < end; ++place) {
    const char found = data[place - begin];
    if (base_is_legal && found == base_[place]) continue;
    if (std::ranges::any_of(legal, [&](std::uint64_t v) { return found == byte_of(v, place); }))
      continue;
    report("%s: the byte at %lu (%lu to %lu) is none of %zu legal versions; the past is%s legal",
           name, place, begin, end, legal.size(), base_is_legal ? "" : " not");
    for (const Write* write : covering)
      report("  version %lu, submitted %lu, ended %lu%s", write->version, write->submitted,
             write->ended, found == byte_of(write->version, place) ? ": found" : "");
    return false;
  }
  return true;
}

void FileModel::settle(int fd, bool direct, const char* name) {
  const support::AlignedBuffer buffer(base_.size() + support::page_bytes);
  std::size_t size = 0;
  for (;;) {
    const std::size_t room = base_.size() - size;
    const ssize_t count = ::pread(fd, buffer.data() + size, room, static_cast<off_t>(size));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return report("%s: cannot be read again: %s", name, std::strerror(errno));
    size += static_cast<std::size_t>(count);
    if (count == 0 || size >= base_.size() || (direct && size % 512 != 0)) break;
  }
  const std::uint64_t moment = tick();
  check_read(buffer.data(), 0, base_.size(), static_cast<ssize_t>(size), moment, moment + 1, name);
  const std::lock_guard lock(mutex_);
  std::copy_n(buffer.data(), size, base_.begin());
  base_size_ = size;
  writes_.clear();
}

AppendModel::Append& AppendModel::add(std::uint64_t version, std::size_t length) {
  const std::lock_guard lock(mutex_);
  return appends_.emplace_back(Append{.version = version, .length = length});
}

void AppendModel::settle(int fd, const char* name) {
  const std::lock_guard lock(mutex_);
  std::string wanted;
  for (const Append& append : appends_) {
    if (!append.happened) continue;
    const std::size_t before = wanted.size();
    wanted.resize(before + append.length);
    fill(wanted.data() + before, append.length, append.version, 0);
  }
  std::string found(wanted.size() + 1, '\0');
  std::size_t size = 0;
  while (size < found.size()) {
    const ssize_t count =
        ::pread(fd, found.data() + size, found.size() - size, static_cast<off_t>(size));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    size += static_cast<std::size_t>(count);
  }
  found.resize(size);
  if (found != wanted) {
    const auto place = std::ranges::mismatch(found, wanted).in1 - found.begin();
    report("%s: appended data differs at %ld: %zu bytes, not %zu", name, static_cast<long>(place),
           found.size(), wanted.size());
  }
  appends_.clear();
  if (::ftruncate(fd, 0) != 0) report("%s: cannot be emptied", name);
}

}  // namespace random_test
