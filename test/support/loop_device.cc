// SPDX-License-Identifier: MIT
#include "loop_device.h"

#include "checked.h"

#include <exception>
#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

namespace support {

LoopDevice::LoopDevice(std::size_t size_bytes) : LoopDevice{TemporaryFile{tmpfs, size_bytes}} {}

LoopDevice::LoopDevice(TemporaryFile backing, unsigned sector_bytes)
    : backing_{std::move(backing)} {
  const Fd control{checked(::open("/dev/loop-control", O_RDWR | O_CLOEXEC), "/dev/loop-control")};
  const Fd file = backing_.open(O_RDWR);
  // Another program may be quicker to take the free device that we are told of.
  for (int attempt = 0; attempt < 20; ++attempt) {
    const int number = checked(::ioctl(control.get(), LOOP_CTL_GET_FREE), "LOOP_CTL_GET_FREE");
    path_ = "/dev/loop" + std::to_string(number);
    Fd device{checked(::open(path_.c_str(), O_RDWR | O_CLOEXEC), path_.c_str())};
    loop_config config{};
    config.fd = static_cast<__u32>(file.get());
    config.block_size = sector_bytes;
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
    if (::ioctl(device.get(), LOOP_CONFIGURE, &config) == 0) {
      holder_ = std::move(device);
      return;
    }
    if (errno != EBUSY) break;
  }
  throw std::system_error{errno, std::generic_category(), "LOOP_CONFIGURE"};
}

Fd LoopDevice::open(int flags) const {
  return Fd{checked(::open(path_.c_str(), flags | O_CLOEXEC), path_.c_str())};
}

bool loop_devices_exist() {
  static const bool exist = [] {
    try {
      const LoopDevice trial{4096};
      return true;
    } catch (const std::exception&) {
      return false;
    }
  }();
  return exist;
}

Precondition with_loop_devices() {
  return only_if(loop_devices_exist, "there are no loop devices here");
}

}  // namespace support
