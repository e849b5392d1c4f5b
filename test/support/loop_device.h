// SPDX-License-Identifier: MIT
#pragma once

#include "fd.h"
#include "precondition.h"
#include "temporary_file.h"

#include <string>

namespace support {

// A block device over a file, which by default is on tmpfs and holds the
// pattern. Needs root. The kernel detaches it when the last descriptor closes,
// so that not even a crash leaves one behind.
class LoopDevice {
 public:
  explicit LoopDevice(std::size_t size_bytes);
  explicit LoopDevice(TemporaryFile backing, unsigned sector_bytes = 512);
  Fd open(int flags) const;
  const std::string& path() const { return path_; }

 private:
  TemporaryFile backing_;
  Fd holder_;
  std::string path_;
};

// Not in most containers, not even for their root.
bool loop_devices_exist();
Precondition with_loop_devices();

}  // namespace support
