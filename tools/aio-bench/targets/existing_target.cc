// SPDX-License-Identifier: MIT
// A file or block device that was there before us: read, and written only by a
// user who said so twice, and never while something else uses it.
#include "base/errors.h"
#include "base/kernel_files.h"
#include "base/limits.h"
#include "base/text.h"
#include "targets/target.h"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace aio_bench {

namespace {

// By an attribute of the file, which not even root gets past.
bool is_kept_from_writing(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  unsigned flags = 0;
  return file && ::ioctl(file.number(), FS_IOC_GETFLAGS, &flags) == 0 &&
         (flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)) != 0;
}

// The kernel opens such a device for writing all the same, and refuses the first write.
void refuse_read_only_device(const Target& target) {
  int is_read_only = 0;
  if (::ioctl(target.buffered.number(), BLKROGET, &is_read_only) != 0 || is_read_only == 0) return;
  throw RunError(
      "{} is a read-only device, nothing was written: only read loads are possible, unless it is "
      "made writable (blockdev --setrw)",
      target.path);
}

[[noreturn]] void refuse_to_open(const std::string& path, bool is_write, int error) {
  std::string advice;
  if (error == ENOENT) advice = ": check the name, or leave it out for a scratch file";
  if (error == EACCES || error == EPERM)
    advice = is_kept_from_writing(path)
                 ? ": it is marked immutable or append-only: chattr -ia, or another file"
             : geteuid() != 0
                 ? fmt::format(": run aio-bench as root, or give your user the right to {} it",
                               is_write ? "write" : "read")
                 : ": not even root may here, as in a container: run aio-bench outside of it, or "
                   "have the device allowed inside";
  if (error == EBUSY)
    advice =
        ": it is mounted, swapped to, or held by another program or device; stop that first, or "
        "add --force";
  if (error == EROFS) advice = ": only read loads are possible";
  if (error == EMFILE || error == ENFILE) advice = descriptor_advice(error);
  if (error == ENXIO || error == ENOMEDIUM) advice = ": there is no device or medium behind it";
  if (error == ETXTBSY) advice = ": it is a running program or swap; choose another file";
  throw RunError("{} cannot be opened for {}: {}{}", path, is_write ? "writing" : "reading",
                 error_text(error), advice);
}

Target::Kind kind_of(const std::string& path, mode_t mode) {
  if (S_ISREG(mode)) return Target::Kind::file;
  if (S_ISBLK(mode)) return Target::Kind::block_device;
  if (S_ISDIR(mode))
    throw UsageError(
        "{} is a directory: change to it and run aio-bench without a target for a scratch file "
        "there",
        path);
  throw UsageError("{} is neither a file nor a block device", path);
}

std::uint64_t size_of(int fd, const struct stat& status) {
  std::uint64_t size_bytes = 0;
  if (S_ISREG(status.st_mode)) return static_cast<std::uint64_t>(status.st_size);
  return ioctl(fd, BLKGETSIZE64, &size_bytes) == 0 ? size_bytes : 0;
}

std::uint64_t area_within(const Target& target, const TargetWish& wish) {
  if (wish.size_bytes > target.size_bytes)
    throw UsageError("--size {} is more than {} has ({})", size_text(wish.size_bytes), target.path,
                     size_text(target.size_bytes));
  const std::uint64_t area_bytes = wish.size_bytes != 0 ? wish.size_bytes : target.size_bytes;
  if (area_bytes < wish.greatest_block_bytes)
    throw UsageError("{} ({}) is smaller than one block of {}", target.path, size_text(area_bytes),
                     size_text(wish.greatest_block_bytes));
  return area_bytes;
}

// Swap files and files under loop devices: to write to them is to write to what
// lies on them.
std::vector<std::string> uses_of_file(const std::string& path) {
  std::vector<std::string> uses;
  std::error_code error;
  const std::string wanted = std::filesystem::canonical(path, error);
  if (error) return uses;
  if (is_swapped_to(wanted)) uses.push_back(path + " is swapped to");
  for (const auto& entry : std::filesystem::directory_iterator("/sys/block", error))
    if (first_line(entry.path() / "loop/backing_file") == wanted)
      uses.push_back(fmt::format("{} is under /dev/{}", path, entry.path().filename().string()));
  return uses;
}

std::vector<std::string> uses_of_device(const DeviceFacts& facts) {
  std::vector<std::string> uses = uses_of(facts);
  if (!facts.holders.empty())
    uses.push_back(fmt::format("/dev/{} is part of {}", facts.name, join(facts.holders, ", ")));
  if (!facts.partitions.empty())
    uses.push_back(
        fmt::format("/dev/{} has partitions ({})", facts.name, join(facts.partitions, ", ")));
  return uses;
}

void refuse_in_use(const Target& target, const struct stat& status, const TargetWish& wish) {
  if (!wish.has_writes || wish.force) return;
  std::vector<std::string> uses;
  if (target.kind == Target::Kind::file)
    uses = uses_of_file(target.path);
  else if (const auto facts = device_facts(status.st_rdev))
    uses = uses_of_device(*facts);
  if (!uses.empty())
    throw RunError("{} is in use, nothing was written: {}: stop that first, or add --force",
                   target.path, join(uses, "; "));
}

void add_warnings(Target& target, const struct stat& status, const TargetWish& wish) {
  constexpr unsigned sample_count = 64;
  if (target.device) {
    target.warnings = device_warnings(*target.device, wish.has_writes);
    if (target.kind == Target::Kind::block_device)
      for (const std::string& use : uses_of(*target.device))
        target.warnings.push_back(use + ": others use it meanwhile");
    if (target.kind == Target::Kind::block_device)
      for (const std::string& use : uses_beside(*target.device))
        target.warnings.push_back(fmt::format(
            "{}, which is on {} too: others use that disk meanwhile", use, target.device->disk));
  }
  const bool is_sparse =
      target.kind == Target::Kind::file && status.st_blocks * INT64_C(512) < status.st_size;
  if (is_sparse)
    target.warnings.push_back(
        "the file has holes: reading those measures no device, and writing them allocates");
  const unsigned empty_count =
      wish.has_reads && !is_sparse ? count_empty_blocks(target, sample_count) : 0;
  if (empty_count > sample_count / 8)
    target.warnings.push_back(
        fmt::format("{} of {} blocks looked at hold only zeros: were they never written, or "
                    "discarded, then reading them measures no medium; fill {} first",
                    empty_count, sample_count, target.path));
}

}  // namespace

Target open_existing_target(const std::string& path, const TargetWish& wish) {
  Target target;
  target.path = path;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) refuse_to_open(path, wish.has_writes, errno);
  target.kind = kind_of(path, status.st_mode);
  const bool is_device = target.kind == Target::Kind::block_device;
  refuse_in_use(target, status, wish);

  // O_EXCL on a block device: the kernel refuses one that is mounted, swapped to
  // or part of another device, and keeps others from using it while we write.
  const bool is_exclusive = wish.has_writes && is_device && !wish.force;
  const int open_flags = (wish.has_writes ? O_RDWR : O_RDONLY) | (wish.dsync ? O_DSYNC : 0);
  target.buffered =
      FileDescriptor(::open(path.c_str(), open_flags | O_CLOEXEC | (is_exclusive ? O_EXCL : 0)));
  if (!target.buffered) refuse_to_open(path, wish.has_writes, errno);

  if (is_device && wish.has_writes) refuse_read_only_device(target);
  target.size_bytes = size_of(target.buffered.number(), status);
  target.area_bytes = area_within(target, wish);
  find_direct_io(target, FileDescriptor(::open(path.c_str(), open_flags | O_DIRECT | O_CLOEXEC)));
  target.device = device_facts(is_device ? status.st_rdev : status.st_dev);
  if (!is_device) target.file_system = file_system_of(target.buffered.number());
  add_warnings(target, status, wish);
  return target;
}

}  // namespace aio_bench
