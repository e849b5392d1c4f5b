// SPDX-License-Identifier: MIT
// The devices of this machine that tests may write to: environment KAIO_TEST_DEVICES, as
// words of ROLE:KIND:PATH. The roles:
//   good       works; slow: works, a second for each transfer; failing: says EIO to all
//   directory  PATH is a file in a directory of a file system of that kind
//   nbd        a network block device that nobody serves yet
//   missing    could not be made there; a case that fails says so
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace devices {

struct Device {
  std::string role;
  std::string kind;
  std::string path;
};
std::ostream &operator<<(std::ostream &out, const Device &device);

std::vector<Device> with_role(std::string_view role);

} // namespace devices
