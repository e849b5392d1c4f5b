// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <sys/stat.h>

#include "core/traits.h"

namespace kaio {

struct FileFacts {
  DescriptorTraits traits;
  std::uint32_t device = 0;  // of the file system the file is on; the kernel's have 32 bits
  std::uint64_t inode = 0;
  // What direct transfers have to be multiples of; 0: nobody has asked.
  std::uint32_t direct_bytes = 0;
};

// Asks the kernel what `fd` is: statx, fcntl(F_GETFL), and whether it has a position.
// Traits stay unknown when fd is not open.
FileFacts read_traits(int fd) noexcept;

// What they told, decided. `seekable` only counts for devices and regular files, `terminal`
// for devices.
DescriptorTraits traits_of(mode_t mode, int status_flags, bool seekable,
                           bool terminal = false) noexcept;

// Whether `fd` (still) is that file.
bool is_same_file(int fd, std::uint32_t device, std::uint64_t inode) noexcept;

// Whether a read of a regular file that ended at `end_bytes` ended with the file.
bool ends_file(int fd, std::int64_t end_bytes) noexcept;

// How long read() or write() would wait there before it gave up, and what it would return
// then: a socket's SO_RCVTIMEO or SO_SNDTIMEO, a terminal's VTIME where VMIN is 0.
// limit_ns 0: as long as it takes.
struct WaitLimit {
  std::int64_t limit_ns = 0;
  std::int32_t result = 0;
};
WaitLimit wait_limit(int fd, DescriptorKind kind, bool to_read) noexcept;

// Whether a read of a socket that has nothing ends all the same, as it has been shut down.
bool is_shut_for_reading(int fd) noexcept;

// Whether it is now: fcntl() may have switched it since the traits were asked for, which stand for
// the answer where there is none.
bool is_non_blocking(int fd, const DescriptorTraits& traits) noexcept;

// Whether poll says of a pipe or a socket all that a read may end with. It does not say that
// a socket which takes connections has nothing to read, nor that no writer has opened a FIFO.
bool poll_tells_all(int fd, const FileFacts& facts) noexcept;

// Whether all of a range of a file is in the page cache. False where the kernel
// cannot tell (before Linux 6.5); then `can_tell` is false too.
struct Residency {
  bool can_tell;
  bool all_cached;
};
Residency residency(int fd, std::int64_t offset_bytes, std::size_t size_bytes) noexcept;

// Whether the file system of `fd` is known to hold the lock of a file for as long as it
// does a buffered write to it. Network file systems and FUSE may do several at once.
bool locks_file_to_write(int fd) noexcept;

// Devices of which something is remembered for the life of the process. A bounded set;
// beyond it a device is asked again each time.
class DeviceSet {
 public:
  bool contains(std::uint32_t device) const noexcept;
  void insert(std::uint32_t device) noexcept;

 private:
  static constexpr std::size_t count_max = 64;
  std::atomic<std::uint64_t> devices_[count_max]{};  // device + 1; 0: free
};

}  // namespace kaio
