// SPDX-License-Identifier: MIT
// Everything that has places to read from and write to, for cases that hold for
// all of it alike.
#pragma once

#include "fd.h"
#include "loop_device.h"
#include "temporary_file.h"

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace support {

enum class StorageKind { buffered_file, direct_file, tmpfs_file, memory_file, loop_device };
std::ostream& operator<<(std::ostream& out, StorageKind kind);

// Those that exist here: no loop device without root.
std::vector<StorageKind> storage_kinds();

// One of them, opened for reading and writing, full of the pattern.
class Storage {
 public:
  explicit Storage(StorageKind kind, std::size_t size_bytes = 1 << 20);
  int fd() const { return fd_.get(); }
  // Another open file description of the same.
  Fd open_again(int flags) const;
  std::string read(std::size_t size_bytes, off_t offset) const;

 private:
  StorageKind kind_;
  std::optional<TemporaryFile> file_;
  std::optional<LoopDevice> loop_;
  Fd fd_;
};

}  // namespace support
