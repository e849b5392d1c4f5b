// SPDX-License-Identifier: MIT
#pragma once

#include "file_descriptor.h"
#include "load.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace aio_bench {

struct Options;

// The file or block device that is measured, opened for every way it is used in.
struct Target {
  enum class Kind : std::uint8_t { scratch, file, block_device };

  Kind kind = Kind::scratch;
  std::string path;
  std::string file_system;       // "ext4", or "" for a block device
  std::uint64_t area_bytes = 0;  // what is read or written, from its beginning
  FileDescriptor buffered;
  FileDescriptor direct;               // none when O_DIRECT does not work here
  std::size_t direct_block_bytes = 0;  // the smallest O_DIRECT transfer
  std::vector<std::string> notes;      // what may spoil the figures

  int descriptor(Cache cache) const noexcept {
    return (cache == Cache::direct ? direct : buffered).number();
  }

  // Before a measurement: nothing of the target's dirty in the page cache, so that
  // no engine pays for what an earlier one wrote.
  void settle() const;
  // Drops the target's pages from the page cache.
  void drop_pages() const;
  // Reads the area once, so that buffered I/O finds it in the page cache. False
  // when it is too large for that.
  bool warm_pages() const;
  // Makes a scratch file empty.
  void truncate() const;
};

// Both throw UsageError or RunError, with what to do about it.
Target open_scratch_file(const Options& options);
Target open_existing_target(const Options& options);

// Sets the members for O_DIRECT by trying; leaves them empty when there is none.
void find_direct_io(Target& target, const std::string& path, int open_flags);

// The type of the file system that holds the open file: "ext4", "tmpfs".
std::string file_system_of(int fd);

}  // namespace aio_bench
