// SPDX-License-Identifier: MIT
#pragma once

#include "fd.h"

#include <cstddef>
#include <string>

namespace support {

// A directory that goes, with the files in it, when the object goes.
class TemporaryDirectory {
 public:
  // In $KAIO_TEST_DIR or /var/tmp: on a disk, where O_DIRECT works.
  TemporaryDirectory();
  explicit TemporaryDirectory(const std::string& parent);
  TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_{std::exchange(other.path_, {})} {}
  ~TemporaryDirectory();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline constexpr const char* tmpfs = "/dev/shm";

// A file of `size_bytes` of the pattern (pattern.h), written to its device.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::size_t size_bytes = 0);
  TemporaryFile(const char* parent_directory, std::size_t size_bytes);
  const std::string& path() const { return path_; }
  Fd open(int flags) const;
  std::string content() const;
  // Takes its pages out of the cache.
  void make_cold() const;

 private:
  TemporaryDirectory directory_;
  std::string path_;
};

}  // namespace support
