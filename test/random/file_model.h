// SPDX-License-Identifier: MIT
// Proves of a file: a read gives at each place bytes of a write that could be there at
// some moment between its call and its end, and no others; it is as long as the file
// allows; and when nothing is outstanding each byte is that of a last write.
#pragma once

#include "trouble.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <sys/types.h>
#include <vector>

namespace random_test {

class FileModel {
 public:
  struct Write {
    std::uint64_t begin, end;  // places
    std::uint64_t version;
    std::uint64_t submitted;
    std::uint64_t ended = never;
    bool happened = true;  // false: cancelled, or refused
  };

  // The file's content at the start; it may grow to the capacity.
  FileModel(std::string content, std::size_t capacity_bytes);

  // Before the call of aio_write(). The data of it is fill()'s.
  Write& begin_write(std::uint64_t begin, std::uint64_t end);
  void end_write(Write& write, bool happened);

  // Returns whether it was right.
  bool check_read(const char* data, std::uint64_t offset, std::size_t length, ssize_t result,
                  std::uint64_t submitted, std::uint64_t ended, const char* name);

  // While nothing is outstanding: compares the whole file, and forgets the past.
  void settle(int fd, bool direct, const char* name);
  std::size_t capacity() const { return base_.size(); }

 private:
  bool check_part(const char* data, std::uint64_t begin, std::uint64_t end,
                  const std::vector<const Write*>& writes, std::uint64_t submitted,
                  const char* name) const;

  std::mutex mutex_;
  std::string base_;          // what the writes lie upon
  std::uint64_t base_size_;   // the file's size then
  std::deque<Write> writes_;  // since
  static std::uint64_t next_version();
};

// Appended data comes in the order of the calls, whole, and without what was cancelled.
class AppendModel {
 public:
  struct Append {
    std::uint64_t version;
    std::size_t length;
    bool happened = true;
  };
  Append& add(std::uint64_t version, std::size_t length);
  void settle(int fd, const char* name);

 private:
  std::mutex mutex_;
  std::deque<Append> appends_;
};

}  // namespace random_test
