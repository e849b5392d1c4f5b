// SPDX-License-Identifier: MIT
// A file of our own in the current directory. Its name is removed as soon as it is open
// in every way, before anything is written: it is gone however this process ends, also
// while it is filled.
#include "base/aligned_buffer.h"
#include "base/errors.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "base/output.h"
#include "base/random.h"
#include "base/text.h"
#include "targets/target.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <utility>

namespace aio_bench {

namespace {

constexpr std::size_t chunk_bytes = 1 << 20;

std::string current_directory() {
  char* const path = ::getcwd(nullptr, 0);
  if (path == nullptr)
    throw RunError("the current directory cannot be used: {}", error_text(errno));
  std::string directory = path;
  std::free(path);
  return directory == "/" ? "" : directory;
}

void check_free_space(int fd, std::uint64_t wanted_bytes, const std::string& directory) {
  struct statvfs status {};
  if (fstatvfs(fd, &status) != 0) return;
  const std::uint64_t free_bytes = status.f_bavail * status.f_frsize;
  // A little more than the data: the file system keeps books too.
  if (free_bytes < wanted_bytes + wanted_bytes / 20)
    throw RunError(
        "a scratch file of {} does not fit into {}/, where {} are free: give a smaller --size, or "
        "change to another directory",
        size_text(wanted_bytes), directory, size_text(free_bytes));
}

// Random data: neither compressible nor a hole that a device answers by itself.
void fill(int fd, std::uint64_t size_bytes) {
  AlignedBuffer chunk(chunk_bytes, 0);
  Random random(size_bytes);
  ProgressLine progress;
  for (std::uint64_t at = 0; at < size_bytes;) {
    if (interrupted()) throw Interrupted();
    if (at % (16 * chunk_bytes) == 0)
      progress.show(
          fmt::format("filling the scratch file: {} of {}", size_text(at), size_text(size_bytes)));
    random.fill(chunk.words());
    const std::size_t wanted = std::min<std::uint64_t>(chunk_bytes, size_bytes - at);
    const ssize_t count = pwrite(fd, chunk.data(), wanted, static_cast<off_t>(at));
    if (count < 0)
      throw RunError("filling the scratch file: {}{}", error_text(errno),
                     errno == EFBIG ? file_size_advice()
                                    : ": give a smaller --size, or change to another directory");
    at += static_cast<std::uint64_t>(count);
  }
  progress.show("writing the scratch file to the device");
  if (fsync(fd) != 0) throw RunError("filling the scratch file: {}", error_text(errno));
}

}  // namespace

Target open_scratch_file(const TargetWish& wish) {
  const std::string directory = current_directory();
  Target target;
  target.kind = Target::Kind::scratch;
  target.path = directory + "/aio-bench.XXXXXX";
  target.size_bytes = target.area_bytes = wish.size_bytes;
  target.buffered = FileDescriptor(::mkostemp(target.path.data(), O_CLOEXEC));
  if (!target.buffered)
    throw RunError(
        "no scratch file can be made in {}/: {}{}", directory, error_text(errno),
        errno == EMFILE || errno == ENFILE
            ? descriptor_advice(errno)
            : ": change to a directory that you may write to, or name a file or device to measure");
  const int flags = O_RDWR | (wish.dsync ? O_DSYNC : 0) | O_CLOEXEC;
  FileDescriptor direct(::open(target.path.c_str(), flags | O_DIRECT));
  // Used after it is filled, which is slow else.
  FileDescriptor durable(wish.dsync ? ::open(target.path.c_str(), flags) : -1);
  ::unlink(target.path.c_str());

  target.file_system = file_system_of(target.buffered.number());
  check_free_space(target.buffered.number(), wish.size_bytes, directory);
  fill(target.buffered.number(),
       wish.is_filled ? wish.size_bytes : std::min<std::uint64_t>(chunk_bytes, wish.size_bytes));
  find_direct_io(target, std::move(direct));
  if (wish.dsync) target.buffered = std::move(durable);
  struct stat status {};
  ::fstat(target.buffered.number(), &status);
  target.device = device_facts(status.st_dev);
  if (target.device) target.warnings = device_warnings(*target.device, wish.has_writes);
  return target;
}

}  // namespace aio_bench
