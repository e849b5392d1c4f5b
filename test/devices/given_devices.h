// SPDX-License-Identifier: MIT
// The devices of this machine that tests may write to: environment KAIO_TEST_DEVICES, as
// words of ROLE:KIND:PATH. The roles:
//   good       works
//   slow       works, any number at a time, a second for each transfer
//   two_tags   works, two at a time, some hundredths of a second for each transfer
//   failing    says EIO to all; failing_writes: to writes, and reads
//   bad_place  works but for reads, or reads and writes, of the bytes given below
//   directory  PATH is a file in a directory of a file system of that kind
//   nbd        a network block device that nobody serves yet
//   missing    could not be made there; a case that fails says so
#pragma once

#include "support/fd.h"
#include "support/precondition.h"

#include <iosfwd>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace devices {

struct Device {
  std::string role;
  std::string kind;
  std::string path;
};
std::ostream& operator<<(std::ostream& out, const Device& device);

std::vector<Device> with_role(std::string_view role);
support::Precondition where_there_is(std::string_view role);

support::Fd open_path(const std::string& path, int flags);

inline constexpr std::size_t block_bytes = 4096;

// Of a device with a bad place.
inline constexpr off_t bad_begin = 8 << 20;
inline constexpr off_t bad_end = bad_begin + (256 << 10);

}  // namespace devices
