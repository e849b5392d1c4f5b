// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <sys/types.h>

namespace observe {

struct Mount {
  std::string type, source, options;
};
// Of the file system that `path` is on.
Mount mount_of(const std::string& path);

// Says what device this is, with its queue; nothing of a number that is no block device's.
void show_device(dev_t number);

}  // namespace observe
