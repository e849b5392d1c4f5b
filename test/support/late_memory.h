// SPDX-License-Identifier: MIT
// Memory whose content arrives when told to: until then, who touches it waits, in the
// kernel as well. A write from it holds its file for as long as the test likes.
#pragma once

#include "fd.h"
#include "request.h"

#include <string_view>

namespace support {

// Whether this process may have some: root, mostly.
bool late_memory_exists();

class LateMemory {
 public:
  explicit LateMemory(std::size_t size_bytes);
  ~LateMemory();
  LateMemory(const LateMemory&) = delete;
  LateMemory& operator=(const LateMemory&) = delete;

  void* data() const { return data_; }
  std::size_t size() const { return size_bytes_; }
  // Somebody waits for it.
  bool awaited() const;
  // Once; as many bytes as it has.
  void arrive(std::string_view content);

 private:
  Fd control_;
  std::size_t size_bytes_;
  void* data_;
};

// A write from `memory` to the descriptor, which has begun and holds the file.
Request write_that_waits(int fd, const LateMemory& memory);

}  // namespace support
