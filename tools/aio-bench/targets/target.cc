// SPDX-License-Identifier: MIT
#include "targets/target.h"

#include "base/aligned_buffer.h"
#include "base/errors.h"
#include "base/limits.h"
#include "base/interrupt.h"
#include "base/random.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace aio_bench {

namespace {

constexpr std::size_t warming_chunk_bytes = 1 << 20;

[[noreturn]] void fail(const std::string& doing, const std::string& path) {
  throw RunError("{} {}: {}", doing, path, error_text(errno));
}

}  // namespace

void Target::settle() const {
  if (fdatasync(buffered.number()) != 0) fail("writing back", path);
}

void Target::drop_pages() const {
  // Dirty pages stay, so they are written first.
  settle();
  const int error = posix_fadvise(buffered.number(), 0, 0, POSIX_FADV_DONTNEED);
  if (error != 0)
    throw RunError("--cold: the pages of {} cannot be dropped: {}", path, error_text(error));
}

bool Target::warm_pages() const {
  if (area_bytes > machine_memory_bytes() / 4) return false;
  AlignedBuffer chunk(warming_chunk_bytes, 0);
  for (std::uint64_t at = 0; at < area_bytes; at += warming_chunk_bytes) {
    if (interrupted()) throw Interrupted();
    if (pread(buffered.number(), chunk.data(), warming_chunk_bytes, static_cast<off_t>(at)) < 0)
      fail("reading", path);
  }
  return true;
}

void Target::truncate() const {
  if (ftruncate(buffered.number(), 0) != 0) fail("truncating", path);
  // The truncation's own transaction is not part of what is measured.
  if (fsync(buffered.number()) != 0) fail("writing back", path);
}

void find_direct_io(Target& target, FileDescriptor direct) {
  if (!direct) return;
  AlignedBuffer buffer(1 << 16, 0);
  for (std::size_t size = 512; size <= buffer.size_bytes(); size *= 2) {
    const ssize_t count = pread(direct.number(), buffer.data(), size, static_cast<off_t>(size));
    if (count < 0 && errno == EINVAL) continue;
    if (count < 0) fail("reading", target.path);
    target.direct_block_bytes = size;
    target.direct = std::move(direct);
    return;
  }
}

unsigned count_empty_blocks(const Target& target, unsigned sample_count) {
  constexpr std::size_t block_bytes = 4096;
  if (target.area_bytes < block_bytes) return 0;
  AlignedBuffer block(block_bytes, 0);
  Random random(target.area_bytes);
  unsigned empty_count = 0;
  for (unsigned i = 0; i < sample_count; ++i) {
    const std::uint64_t at = random.below(target.area_bytes / block_bytes) * block_bytes;
    // O_DIRECT where possible: what is looked at is not cached thereby.
    const int fd = target.direct && target.direct_block_bytes <= block_bytes
                       ? target.direct.number()
                       : target.buffered.number();
    if (pread(fd, block.data(), block_bytes, static_cast<off_t>(at)) !=
        static_cast<ssize_t>(block_bytes))
      continue;
    if (std::ranges::all_of(block.words(), [](std::uint64_t word) { return word == 0; }))
      ++empty_count;
  }
  return empty_count;
}

const char* kind_name(Target::Kind kind) noexcept {
  constexpr const char* names[] = {"scratch file", "file", "block device"};
  return names[static_cast<std::size_t>(kind)];
}

std::string file_system_of(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return "";
  const auto mount = mount_of(fmt::format("{}:{}", major(status.st_dev), minor(status.st_dev)));
  return mount ? mount->file_system : "";
}

}  // namespace aio_bench
