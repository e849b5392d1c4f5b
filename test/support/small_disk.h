// SPDX-License-Identifier: MIT
// A file system that is full soon.
#pragma once

#include "precondition.h"
#include "temporary_file.h"

#include <string>

namespace support {

// A tmpfs in a directory of its own, in the place for test files. Needs no mount point
// above it, which a chroot may not have.
class SmallDisk {
 public:
  // `size` as tmpfs wants it: 128k, 1m.
  explicit SmallDisk(const char* size);
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  const std::string& path() const { return directory_.path(); }

 private:
  TemporaryDirectory directory_;
};

// Root, and not the root of a container that may not mount.
Precondition where_disks_can_be_mounted();

}  // namespace support
