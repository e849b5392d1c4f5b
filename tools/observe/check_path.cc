// SPDX-License-Identifier: MIT
#include <aio.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "block_device.h"
#include "check.h"
#include "kaio/aio.h"

namespace observe {
namespace {

constexpr int transfer_count = 16;
constexpr std::size_t file_bytes = 1 << 20;

struct Closed {
  int fd = -1;
  ~Closed() {
    if (fd >= 0) ::close(fd);
  }
};

// By the library that is preloaded, which this program is not linked with.
kaio_statistics statistics() {
  using Get = int (*)(kaio_statistics*, std::size_t);
  static const auto get = reinterpret_cast<Get>(::dlsym(RTLD_DEFAULT, "kaio_get_statistics"));
  kaio_statistics now{};
  if (get == nullptr) {
    std::fprintf(stderr, "aio-run: the loader has not put kaio into the program that checks\n");
    std::exit(125);
  }
  get(&now, sizeof now);
  return now;
}

struct Alignment {
  std::size_t memory_bytes = 4096, offset_bytes = 4096;
  bool is_told = false;
};

// struct statx as the kernel has it since 6.1; the C library's headers are often older.
Alignment alignment_of(int fd) {
  constexpr unsigned dio_align = 0x2000;
  std::uint32_t words[64]{};
  if (::syscall(SYS_statx, fd, "", AT_EMPTY_PATH, dio_align, words) != 0 ||
      (words[0] & dio_align) == 0)
    return {};
  return {.memory_bytes = words[38], .offset_bytes = words[39], .is_told = true};
}

struct Tried {
  int error_number = 0;
  std::uint64_t done = 0, by_kernel = 0, by_pool = 0, by_caller = 0, at_once = 0;
  std::uint64_t submitted_by_pool = 0, no_nowait = 0, would_block = 0, unavailable = 0;

  bool goes_the_kernels_way() const {
    // A few may have met what is being written back.
    return error_number == 0 && done > 0 && by_kernel == done && no_nowait == 0 &&
           submitted_by_pool * 4 <= done;
  }
};

// One after the other, and what kaio counted meanwhile.
Tried attempt(int fd, bool to_write, std::size_t size, off_t begin, off_t step, int count) {
  const std::unique_ptr<void, decltype(&std::free)> buffer(std::aligned_alloc(4096, size),
                                                           &std::free);
  std::memset(buffer.get(), 'k', size);
  const kaio_statistics before = statistics();
  Tried tried;
  for (int i = 0; i < count; ++i) {
    aiocb request{};
    request.aio_fildes = fd;
    request.aio_buf = buffer.get();
    request.aio_nbytes = size;
    request.aio_offset = begin + i * step;
    request.aio_sigevent.sigev_notify = SIGEV_NONE;
    const aiocb* const list[] = {&request};
    if ((to_write ? aio_write(&request) : aio_read(&request)) != 0) {
      tried.error_number = errno;
      return tried;
    }
    while (aio_error(&request) == EINPROGRESS) aio_suspend(list, 1, nullptr);
    tried.error_number = aio_error(&request);
    aio_return(&request);
    if (tried.error_number != 0) return tried;
    ++tried.done;
  }
  const kaio_statistics after = statistics();
  tried.by_kernel = after.by_kernel - before.by_kernel;
  tried.by_pool = after.by_pool - before.by_pool;
  tried.by_caller = after.by_caller - before.by_caller;
  tried.at_once = after.at_once - before.at_once;
  tried.submitted_by_pool = after.submitted_by_pool - before.submitted_by_pool;
  tried.no_nowait = after.reason_no_nowait - before.reason_no_nowait;
  tried.would_block = after.reason_would_block - before.reason_would_block;
  tried.unavailable = after.reason_unavailable - before.reason_unavailable;
  return tried;
}

std::string ways_of(const Tried& tried) {
  if (tried.error_number != 0) return name_of_error(tried.error_number);
  std::string text;
  const auto part = [&](std::uint64_t count, const std::string& way) {
    if (count != 0) text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + way;
  };
  part(tried.by_kernel, "by kernel AIO");
  part(tried.by_caller, "by the caller, from the page cache");
  part(tried.by_pool, "by threads");
  part(tried.submitted_by_pool, "submitted by threads");
  part(tried.unavailable, "as there is no kernel AIO");
  part(tried.no_nowait, "without RWF_NOWAIT");
  part(tried.would_block, "of them would have blocked");
  return "of " + std::to_string(tried.done) + ": " + text;
}

bool tell(const char* what, const Tried& tried) {
  const bool good = tried.goes_the_kernels_way();
  show(good ? Mark::ok : Mark::lost, std::string(what) + ", " + ways_of(tried));
  return good;
}

void advise_on_file_system(const Mount& mount) {
  if (mount.type == "tmpfs" || mount.type == "ramfs") {
    show(Mark::note, "this is memory: threads copy, and no device is waited for");
  } else if (mount.type == "overlay") {
    show(Mark::note, "this is a container's layer: put the data on a volume (docker run -v)");
  } else if (mount.type.starts_with("fuse") || mount.type == "9p" || mount.type == "virtiofs" ||
             mount.type.starts_with("nfs") || mount.type == "cifs" || mount.type == "ceph") {
    show(Mark::note, "a server answers for this file system: threads wait for it");
  } else {
    show(Mark::note, "ext4, XFS and btrfs on an ordinary block device go the kernel's way");
  }
}

int make_file_in(const std::string& directory) {
  int fd = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0) return fd;
  std::string name = directory + "/kaio-check-XXXXXX";
  fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd >= 0) ::unlink(name.c_str());
  return fd;
}

bool fill(int fd) {
  const std::string text(file_bytes, 'k');
  return ::pwrite(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
         ::fsync(fd) == 0 && ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0;
}

// Of a descriptor with O_DIRECT; an unnamed file is opened anew by its number.
int open_direct(int fd, int access) {
  return ::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), access | O_DIRECT | O_CLOEXEC);
}

void tell_nowait(int fd, std::size_t size) {
  const std::unique_ptr<void, decltype(&std::free)> buffer(std::aligned_alloc(4096, size),
                                                           &std::free);
  const iovec part{.iov_base = buffer.get(), .iov_len = size};
  if (::preadv2(fd, &part, 1, 0, RWF_NOWAIT) >= 0 || errno == EAGAIN) {
    show(Mark::ok, "RWF_NOWAIT is known to it");
  } else {
    show(Mark::lost, "RWF_NOWAIT: " + name_of_error(errno));
  }
}

// `is_own`: it may be written to.
bool check_transfers(int plain_fd, bool is_own, off_t size_bytes, const Mount& mount) {
  const Closed direct{open_direct(plain_fd, is_own ? O_RDWR : O_RDONLY)};
  if (direct.fd < 0) {
    show(Mark::lost, "O_DIRECT: open says " + name_of_error(errno));
    advise_on_file_system(mount);
    tell("buffered reads", attempt(plain_fd, false, 4096, 0, 0, 1));
    return false;
  }
  const Alignment alignment = alignment_of(direct.fd);
  if (alignment.is_told && alignment.offset_bytes == 0) {
    show(Mark::lost, "O_DIRECT is taken, and done through the page cache (statx)");
  } else {
    show(Mark::ok, alignment.is_told
                       ? "O_DIRECT, with memory aligned to " +
                             std::to_string(alignment.memory_bytes) + " and offset and size to " +
                             std::to_string(alignment.offset_bytes) + " bytes"
                       : "O_DIRECT; its alignment is not told here: take 4096");
  }
  const std::size_t block = std::max<std::size_t>(4096, alignment.offset_bytes);
  if (size_bytes < static_cast<off_t>(block)) {
    show(Mark::note, "too small to be read by O_DIRECT: give its directory");
    return true;
  }
  tell_nowait(direct.fd, block);
  const auto count =
      static_cast<int>(std::min<off_t>(transfer_count, size_bytes / static_cast<off_t>(block)));
  const auto step = static_cast<off_t>(block);
  const Tried reads = attempt(direct.fd, false, block, 0, step, count);
  bool good = tell("direct reads", reads);
  if (is_own) {
    good = tell("direct writes into it", attempt(direct.fd, true, block, 0, step, count)) && good;
    const Tried extending = attempt(direct.fd, true, block, size_bytes, step, 4);
    show(Mark::note, "direct writes that extend it, " + ways_of(extending) +
                         " (preallocate, and they are as the others)");
  }
  show(Mark::note, "buffered reads, " + ways_of(attempt(plain_fd, false, block, 0, step, count)));
  if (reads.would_block != 0 && reads.no_nowait == 0) {
    show(Mark::note,
         "what was written through the page cache is in the way: sync FILE, and try "
         "again");
  } else if (!good && reads.unavailable == 0) {
    advise_on_file_system(mount);
  }
  return good;
}

}  // namespace

bool check_path(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    std::printf("%s:\n", path.c_str());
    show(Mark::lost, name_of_error(errno));
    return false;
  }
  const Mount mount = mount_of(path);
  const bool is_device = S_ISBLK(status.st_mode), is_own = S_ISDIR(status.st_mode);
  std::printf("%s: %s%s\n", path.c_str(), is_device ? "block device" : mount.type.c_str(),
              is_device ? "" : (" on " + mount.source).c_str());
  if (!is_device && !is_own && !S_ISREG(status.st_mode)) {
    show(Mark::note,
         "no file, directory or block device: requests wait for it by kernel poll or "
         "epoll, without threads");
    return true;
  }
  dev_t device = is_device ? status.st_rdev : status.st_dev;
  struct stat source {};
  if (!is_device && ::stat(mount.source.c_str(), &source) == 0 && S_ISBLK(source.st_mode))
    device = source.st_rdev;  // btrfs has numbers of its own
  show_device(device);
  const Closed plain{is_own ? make_file_in(path) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (plain.fd < 0 || (is_own && !fill(plain.fd))) {
    show(Mark::lost,
         (is_own ? "a file cannot be made there: " : "cannot be opened: ") + name_of_error(errno));
    return false;
  }
  const off_t size_bytes = is_own ? static_cast<off_t>(file_bytes) : ::lseek(plain.fd, 0, SEEK_END);
  return check_transfers(plain.fd, is_own, size_bytes, mount);
}

}  // namespace observe
