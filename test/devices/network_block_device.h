// SPDX-License-Identifier: MIT
// A network block device that this process serves, from memory.
#pragma once

#include "support/fd.h"

#include <cstddef>
#include <string>
#include <thread>

namespace devices {

class NetworkBlockDevice {
 public:
  // `path` as /dev/nbd0, which nobody uses; needs root.
  NetworkBlockDevice(const std::string& path, std::size_t size_bytes);
  ~NetworkBlockDevice();
  NetworkBlockDevice(const NetworkBlockDevice&) = delete;
  NetworkBlockDevice& operator=(const NetworkBlockDevice&) = delete;

 private:
  void serve();

  std::string memory_;
  support::Fd device_;
  support::Fd servers_end_;
  support::Fd kernels_end_;
  std::thread server_;
  std::thread kernel_;  // lends the driver its thread, as the driver wants it
};

}  // namespace devices
