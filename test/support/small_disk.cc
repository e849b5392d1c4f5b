// SPDX-License-Identifier: MIT
#include "small_disk.h"

#include "checked.h"

#include <exception>
#include <sys/mount.h>

namespace support {

SmallDisk::SmallDisk(const char* size) {
  const std::string options = std::string{"size="} + size;
  checked(::mount("none", path().c_str(), "tmpfs", 0, options.c_str()), "mount");
}

SmallDisk::~SmallDisk() { ::umount2(path().c_str(), MNT_DETACH); }

Precondition where_disks_can_be_mounted() {
  return only_if(
      [] {
        try {
          const SmallDisk trial{"64k"};
          return true;
        } catch (const std::exception&) {
          return false;
        }
      },
      "may not mount a file system");
}

}  // namespace support
