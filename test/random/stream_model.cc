// SPDX-License-Identifier: MIT
#include "stream_model.h"

#include "chance.h"
#include "trouble.h"

#include <algorithm>
#include <atomic>

namespace random_test {
namespace {

std::string data_of(const StreamModel::Write& write) {
  std::string data(write.result > 0 ? static_cast<std::size_t>(write.result) : 0, '\0');
  fill(data.data(), data.size(), write.version, 0);
  return data;
}

}  // namespace

StreamModel::Write& StreamModel::add_write() {
  static std::atomic<std::uint64_t> version{std::uint64_t{1} << 40};
  return writes_.emplace_back(Write{.version = version.fetch_add(1)});
}

StreamModel::Read& StreamModel::add_read(std::size_t length) {
  return reads_.emplace_back(Read{.length = length, .result = -1, .data = {}});
}

void StreamModel::add_rest(std::string data) {
  Read& rest = add_read(SIZE_MAX);
  rest.result = static_cast<ssize_t>(data.size());
  rest.data = std::move(data);
}

bool StreamModel::has_all() const {
  ssize_t put = 0;
  ssize_t taken = 0;
  for (const Write& write : writes_)
    if (write.result >= 0) put += messages_ ? 1 : write.result;
  for (const Read& read : reads_)
    if (read.result >= 0) taken += messages_ ? 1 : read.result;
  return put == taken;
}

void StreamModel::settle(const char* name) {
  if (!messages_) swap_two_parts();
  if (messages_) {
    settle_messages(name);
  } else {
    std::string put;
    std::string taken;
    for (const Write& write : writes_) put += data_of(write);
    for (const Read& read : reads_)
      if (read.result > 0) taken += read.data;
    if (put != taken) {
      const auto place = std::ranges::mismatch(put, taken).in1 - put.begin();
      report("%s: %zu bytes were put in, %zu taken out, the first that differs is at %ld", name,
             put.size(), taken.size(), static_cast<long>(place));
      describe_ends();
    }
  }
  writes_.clear();
  reads_.clear();
}

// For a test of the test.
void StreamModel::swap_two_parts() {
  Read* before = nullptr;
  for (Read& read : reads_) {
    if (read.result <= 0) continue;
    if (before != nullptr && fault_now(Fault::swapped_parts)) return std::swap(*before, read);
    before = &read;
  }
}

void StreamModel::describe_ends() const {
  const auto last = [](const auto& all) {
    return all.end() - std::min<std::ptrdiff_t>(4, static_cast<std::ptrdiff_t>(all.size()));
  };
  for (auto write = last(writes_); write != writes_.end(); ++write)
    report("  one of the last writes gave %zd", write->result);
  for (auto read = last(reads_); read != reads_.end(); ++read)
    report("  one of the last reads of %zd gave %zd", static_cast<ssize_t>(read->length),
           read->result);
}

void StreamModel::settle_messages(const char* name) const {
  auto read = reads_.begin();
  const auto skip_cancelled = [&] {
    while (read != reads_.end() && read->result < 0) ++read;
  };
  for (const Write& write : writes_) {
    if (write.result < 0) continue;
    skip_cancelled();
    if (read == reads_.end()) return report("%s: a message is lost", name);
    const std::string whole = data_of(write);
    if (read->data != whole.substr(0, read->length))
      return report("%s: a message of %zu bytes came as %zu others (room for %zu)", name,
                    whole.size(), read->data.size(), read->length);
    ++read;
  }
  skip_cancelled();
  if (read != reads_.end()) report("%s: a message that nobody sent", name);
}

}  // namespace random_test
