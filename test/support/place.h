// SPDX-License-Identifier: MIT
// Devices with sectors of 512 and of 4,096 bytes, and file systems of every kind on them.
#pragma once

#include "loop_device.h"
#include "slow_files.h"
#include "temporary_file.h"

#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace support {

enum class PlaceKind { device, ext4, xfs, btrfs, overlay, shm, ramfs, fuse };  // shm: tmpfs

struct PlaceName {
  PlaceKind kind;
  unsigned sector_bytes;  // 0: it is on no device
};
std::ostream& operator<<(std::ostream& out, const PlaceName& name);

// All of them, whether or not they can be had here.
const std::vector<PlaceName>& place_names();
// Those where a file keeps what is written to it: not `fuse`.
const std::vector<PlaceName>& places_for_data();

// Where files can be made. Mounted for this process alone if it may have mounts of its own, so
// that nothing is left behind even by a crash.
class Place {
 public:
  // The same one for as long as the program runs. Null: it cannot be had here, which is said on
  // stderr the first time.
  static const Place* get(const PlaceName& name);

  explicit Place(const PlaceName& name);
  ~Place();
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  const PlaceName& name() const { return name_; }
  // Of a new file with so many bytes of the pattern, on its device; no cache has them. Of a
  // device, which has them at its beginning: its own. Of `fuse`: that of its file of zeros.
  std::string make_file(std::size_t size_bytes) const;
  bool is(PlaceKind kind) const { return name_.kind == kind; }

 private:
  void mount_all();
  void unmount_all() noexcept;
  void mount_on_device(const char* type);
  void mount(const char* type, const std::string& path, const std::string& options);

  PlaceName name_;
  std::optional<LoopDevice> loop_;
  std::optional<SlowFiles> slow_;
  std::optional<TemporaryDirectory> directory_;
  std::vector<std::string> mounted_;  // in that order
  std::string files_;
  mutable int file_count_ = 0;
};

}  // namespace support
