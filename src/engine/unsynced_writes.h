// SPDX-License-Identifier: MIT
// What a disk has not made durable yet, and how it loses that.
#pragma once

#include <kaio/testing.h>

#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace kaio::testing {

class UnsyncedWrites {
 public:
  UnsyncedWrites() = default;
  ~UnsyncedWrites();
  UnsyncedWrites(const UnsyncedWrites&) = delete;
  UnsyncedWrites& operator=(const UnsyncedWrites&) = delete;

  // By which a file is known, whatever descriptor it is open by.
  using FileId = std::pair<std::uint64_t, std::uint64_t>;
  static FileId file_id(int fd);

  // Before it is written: keeps what is there now.
  void about_to_write(int fd, std::uint64_t offset_bytes, std::size_t size_bytes);
  // It has been: so much of it. `durable`: it cannot be lost any more.
  void written(const void* data, std::size_t size_bytes, bool durable);
  // All that was written to the file before is durable.
  void synced(int fd);

  // Puts the files into a state that a power cut may leave. Counts what it did.
  void lose(std::mt19937_64& chance, double torn, FaultyKernel::Counts& counts);
  std::size_t count() const noexcept { return writes_.size(); }

 private:
  struct Write {
    FileId file;
    int fd;  // of our own
    std::uint64_t offset_bytes;
    std::vector<char> before, after;
    bool durable;
  };

  std::vector<Write> writes_;  // in their order
};

}  // namespace kaio::testing
