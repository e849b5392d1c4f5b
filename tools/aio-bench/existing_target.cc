// SPDX-License-Identifier: MIT
// A file or block device that was there before us: read, and written only by a
// user who said so twice, and never while something else uses it.
#include "errors.h"
#include "options.h"
#include "target.h"
#include "text.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

namespace aio_bench {

namespace {

[[noreturn]] void refuse_to_open(const std::string& path, bool is_write, int error) {
  std::string advice;
  if (error == ENOENT) advice = ": check the name, or leave it out for a scratch file";
  if ((error == EACCES || error == EPERM) && geteuid() != 0)
    advice = fmt::format(": run aio-bench as root, or give your user the right to {} it",
                         is_write ? "write" : "read");
  if (error == EBUSY)
    advice = ": it is mounted, swapped to, or held by another device; unmount or stop that first";
  if (error == EROFS) advice = ": only read loads are possible";
  if (error == ETXTBSY) advice = ": it is a running program or swap; choose another file";
  throw RunError(fmt::format("{} cannot be opened for {}: {}{}", path,
                             is_write ? "writing" : "reading", error_text(error), advice));
}

Target::Kind kind_of(const std::string& path, mode_t mode) {
  if (S_ISREG(mode)) return Target::Kind::file;
  if (S_ISBLK(mode)) return Target::Kind::block_device;
  if (S_ISDIR(mode))
    throw UsageError(fmt::format("{} is a directory: change to it and run aio-bench without a "
                                 "target for a scratch file there", path));
  throw UsageError(fmt::format("{} is neither a file nor a block device", path));
}

std::uint64_t size_of(int fd, const struct stat& status) {
  std::uint64_t size_bytes = 0;
  if (S_ISREG(status.st_mode)) return static_cast<std::uint64_t>(status.st_size);
  return ioctl(fd, BLKGETSIZE64, &size_bytes) == 0 ? size_bytes : 0;
}

std::uint64_t area_within(std::uint64_t size_bytes, const Options& options) {
  if (options.size_bytes > size_bytes)
    throw UsageError(fmt::format("--size {} is more than {} has ({})",
                                 size_text(options.size_bytes), options.target,
                                 size_text(size_bytes)));
  const std::uint64_t area_bytes = options.size_bytes != 0 ? options.size_bytes : size_bytes;
  if (area_bytes < options.block_bytes)
    throw UsageError(fmt::format("{} ({}) is smaller than one block of {}", options.target,
                                 size_text(area_bytes), size_text(options.block_bytes)));
  return area_bytes;
}

}  // namespace

Target open_existing_target(const Options& options) {
  const bool is_write = options.load.is_write;
  Target target;
  target.path = options.target;
  struct stat status {};
  if (::stat(target.path.c_str(), &status) != 0) refuse_to_open(target.path, is_write, errno);
  target.kind = kind_of(target.path, status.st_mode);

  // O_EXCL on a block device: the kernel refuses one that is mounted, swapped to
  // or part of another device, and keeps others from using it while we write.
  const bool is_exclusive = is_write && target.kind == Target::Kind::block_device;
  const int open_flags = is_write ? O_RDWR : O_RDONLY;
  target.buffered = FileDescriptor(
      ::open(target.path.c_str(), open_flags | O_CLOEXEC | (is_exclusive ? O_EXCL : 0)));
  if (!target.buffered) refuse_to_open(target.path, is_write, errno);

  target.area_bytes = area_within(size_of(target.buffered.number(), status), options);
  find_direct_io(target, target.path, open_flags);
  if (target.kind == Target::Kind::file) {
    target.file_system = file_system_of(target.buffered.number());
    if (status.st_blocks * INT64_C(512) < status.st_size)
      target.notes.push_back("the file has holes: reading those measures no device");
  }
  return target;
}

}  // namespace aio_bench
