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

StreamModel::Write& StreamModel::add_write(std::size_t length) {
  static std::atomic<std::uint64_t> version{std::uint64_t{1} << 40};
  return writes_.emplace_back(Write{.version = version.fetch_add(1), .length = length});
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
      describe_parts(put);
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

// Where in what was put in each read's bytes are, around the first that are elsewhere.
void StreamModel::describe_parts(const std::string& put) const {
  std::size_t place = 0;
  for (std::size_t i = 0; i < writes_.size(); ++i) {
    const Write& write = writes_[i];
    report("  write %zu of %zu gave %zd, at %zu", i, write.length, write.result, place);
    if (write.result > 0) place += static_cast<std::size_t>(write.result);
  }
  place = 0;
  for (std::size_t i = 0; i < reads_.size(); ++i) {
    const Read& read = reads_[i];
    const std::size_t found = read.result > 0 ? put.find(read.data) : place;
    report("  read %zu of %zd gave %zd, from %td where %zu was due", i,
           static_cast<ssize_t>(read.length), read.result, static_cast<std::ptrdiff_t>(found),
           place);
    if (read.result > 0) place += static_cast<std::size_t>(read.result);
  }
}

void StreamModel::settle_messages(const char* name) const {
  auto read = reads_.begin();
  const auto skip_cancelled = [&] {
    while (read != reads_.end() && read->result < 0) ++read;
  };
  for (const Write& write : writes_) {
    if (write.result < 0) continue;
    skip_cancelled();
    if (read == reads_.end()) {
      report("%s: a message is lost", name);
      return describe_messages();
    }
    const std::string whole = data_of(write);
    if (read->data != whole.substr(0, read->length)) {
      report("%s: a message of %zu bytes, write %td, came as %zu others (room for %zu), read %td",
             name, whole.size(), &write - &writes_.front(), read->data.size(), read->length,
             read - reads_.begin());
      return describe_messages();
    }
    ++read;
  }
  skip_cancelled();
  if (read == reads_.end()) return;
  report("%s: a message that nobody sent", name);
  describe_messages();
}

// Which write a message came from; -1 for none since the last settling.
std::ptrdiff_t StreamModel::origin(const Read& read) const {
  for (std::size_t i = 0; i < writes_.size(); ++i) {
    std::string whole(writes_[i].length, '\0');
    fill(whole.data(), whole.size(), writes_[i].version, 0);
    if (read.data == whole.substr(0, read.length)) return static_cast<std::ptrdiff_t>(i);
  }
  return -1;
}

void StreamModel::describe_messages() const {
  for (std::size_t i = 0; i < writes_.size(); ++i)
    report("  write %zu of %zu gave %zd", i, writes_[i].length, writes_[i].result);
  for (std::size_t i = 0; i < reads_.size(); ++i)
    report("  read %zu of %zd gave %zd, of write %td", i, static_cast<ssize_t>(reads_[i].length),
           reads_[i].result, reads_[i].result < 0 ? -1 : origin(reads_[i]));
}

}  // namespace random_test
