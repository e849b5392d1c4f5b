// SPDX-License-Identifier: MIT
#pragma once

#include "base/file_descriptor.h"
#include "loads/load.h"
#include "targets/device_facts.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aio_bench {

// What is asked of a target before it is opened.
struct TargetWish {
  std::uint64_t size_bytes = 0;  // 0: all of it
  std::size_t greatest_block_bytes = 4096;
  bool has_writes = false;
  bool has_reads = true;
  bool dsync = false;
  bool force = false;     // write to it even if it is in use
  bool is_filled = true;  // of a scratch file: else it is made almost empty
};

// The file or block device that is measured, opened for every way it is used in.
struct Target {
  enum class Kind : std::uint8_t { scratch, file, block_device };

  Kind kind = Kind::scratch;
  std::string path;
  std::string file_system;  // "ext4", or "" for a block device
  std::uint64_t size_bytes = 0;
  std::uint64_t area_bytes = 0;  // what is read or written, from its beginning
  FileDescriptor buffered;
  FileDescriptor direct;               // none when O_DIRECT does not work here
  std::size_t direct_block_bytes = 0;  // the smallest O_DIRECT transfer
  std::optional<DeviceFacts> device;   // that it is, or lies on
  std::vector<std::string> warnings;   // what may spoil the figures

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

// "scratch file", "file", "block device".
const char* kind_name(Target::Kind kind) noexcept;

// Both throw UsageError or RunError, with what to do about it.
Target open_scratch_file(const TargetWish& wish);
Target open_existing_target(const std::string& path, const TargetWish& wish);

// Sets the members for O_DIRECT by trying it on the file, opened so, or not if that did
// not work; leaves them empty when there is none.
void find_direct_io(Target& target, FileDescriptor direct);

// How many of some blocks all over the area, of `sample_count`, hold only zeros: it
// may be that nothing was ever written there, and then no device is measured.
unsigned count_empty_blocks(const Target& target, unsigned sample_count);

// The type of the file system that holds the open file: "ext4", "tmpfs".
std::string file_system_of(int fd);

}  // namespace aio_bench
