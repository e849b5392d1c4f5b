// SPDX-License-Identifier: MIT
#include "engine/alignment.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace kaio::engine {
namespace {

constexpr std::uint32_t safe_bytes = 4096;

// The part of struct statx that the C library's may not have yet.
struct DirectStatus {
  std::uint32_t mask;
  std::uint32_t block_bytes;
  std::byte up_to_memory[0x98 - 8];
  std::uint32_t memory_bytes;
  std::uint32_t offset_bytes;
  std::byte up_to_read[0xb4 - 0xa0];
  std::uint32_t read_bytes;
  std::byte rest[256 - 0xb8];
};
static_assert(sizeof(DirectStatus) == 256 && offsetof(DirectStatus, memory_bytes) == 0x98 &&
              offsetof(DirectStatus, read_bytes) == 0xb4);
constexpr unsigned statx_dio_alignment = 0x2000, statx_dio_read_alignment = 0x20000;

bool is_possible(std::uint32_t bytes) noexcept { return std::has_single_bit(bytes); }

// False: the kernel or the file system does not tell.
bool ask_statx(int fd, Alignment& alignment) noexcept {
  DirectStatus status{};
  const unsigned mask = statx_dio_alignment | statx_dio_read_alignment;
  if (::syscall(SYS_statx, fd, "", AT_EMPTY_PATH, mask, &status) != 0 ||
      (status.mask & statx_dio_alignment) == 0 || !is_possible(status.memory_bytes) ||
      !is_possible(status.offset_bytes))
    return false;
  const bool reads_differ =
      (status.mask & statx_dio_read_alignment) != 0 && is_possible(status.read_bytes);
  alignment.memory_bytes = status.memory_bytes;
  alignment.overwrite_bytes = status.offset_bytes;
  alignment.read_bytes = reads_differ ? status.read_bytes : status.offset_bytes;
  return true;
}

// XFS_IOC_DIOINFO, which other file systems do not know.
bool ask_xfs(int fd, Alignment& alignment) noexcept {
  struct {
    std::uint32_t memory_bytes, least_bytes, most_bytes;
  } answer{};
  constexpr unsigned long ask = _IOR('X', 30, decltype(answer));
  if (::ioctl(fd, ask, &answer) != 0 || !is_possible(answer.memory_bytes) ||
      !is_possible(answer.least_bytes))
    return false;
  alignment.memory_bytes = answer.memory_bytes;
  alignment.read_bytes = alignment.overwrite_bytes = answer.least_bytes;
  return true;
}

bool ask_device(int fd, Alignment& alignment) noexcept {
  int sector_bytes = 0;
  if (::ioctl(fd, BLKSSZGET, &sector_bytes) != 0 || sector_bytes <= 0) return false;
  alignment.memory_bytes = alignment.read_bytes = alignment.overwrite_bytes =
      static_cast<std::uint32_t>(sector_bytes);
  return is_possible(alignment.read_bytes);
}

}  // namespace

Alignment direct_alignment(int fd, const FileFacts& facts) noexcept {
  Alignment alignment;
  const bool told = ask_statx(fd, alignment) || ask_xfs(fd, alignment) ||
                    (facts.traits.kind == DescriptorKind::block && ask_device(fd, alignment));
  if (!told) alignment.memory_bytes = alignment.read_bytes = alignment.overwrite_bytes = safe_bytes;
  // The transfer's own size, not the file system's block: the two differ on network and stacked
  // file systems only, where the larger one is of no use.
  struct stat status {};
  std::uint32_t block_bytes = safe_bytes;
  unsigned physical_bytes = 0;
  if (facts.traits.kind == DescriptorKind::block) {
    if (::ioctl(fd, BLKPBSZGET, &physical_bytes) == 0) block_bytes = physical_bytes;
  } else if (::fstat(fd, &status) == 0 && status.st_blksize > 0 && status.st_blksize <= 65'536) {
    block_bytes = static_cast<std::uint32_t>(status.st_blksize);
  }
  alignment.write_bytes = alignment.overwrite_bytes;
  if (is_possible(block_bytes))
    alignment.write_bytes = std::max(alignment.write_bytes, block_bytes);
  return alignment;
}

}  // namespace kaio::engine
