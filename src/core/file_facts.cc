// SPDX-License-Identifier: MIT
#include "core/file_facts.h"

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include "sys/direct_call.h"

namespace kaio {
namespace {

class PreserveErrno {
 public:
  PreserveErrno() = default;
  ~PreserveErrno() { errno = saved_; }
  PreserveErrno(const PreserveErrno&) = delete;
  PreserveErrno& operator=(const PreserveErrno&) = delete;

 private:
  int saved_ = errno;
};

struct FileStatus {
  mode_t mode;
  dev_t special;  // which device it is, if it is one
  std::uint32_t device;
  std::uint64_t inode;
  std::int64_t size_bytes;
};

FileStatus status_from(const struct stat& status) {
  return {.mode = status.st_mode,
          .special = status.st_rdev,
          .device =
              static_cast<std::uint32_t>(S_ISBLK(status.st_mode) ? status.st_rdev : status.st_dev),
          .inode = status.st_ino,
          .size_bytes = status.st_size};
}

FileStatus status_from(const struct statx& status) {
  const dev_t special = makedev(status.stx_rdev_major, status.stx_rdev_minor);
  const bool block = S_ISBLK(status.stx_mode);
  return {.mode = status.stx_mode,
          .special = special,
          .device = static_cast<std::uint32_t>(
              block ? special : makedev(status.stx_dev_major, status.stx_dev_minor)),
          .inode = status.stx_ino,
          .size_bytes = static_cast<std::int64_t>(status.stx_size)};
}

// All masters of terminals are one file, /dev/ptmx: what tells them apart is the number of
// their slave.
void tell_masters_apart(int fd, FileStatus& status) noexcept {
  if (!S_ISCHR(status.mode) || status.special != makedev(5, 2)) return;
  unsigned number = 0;
  if (::ioctl(fd, TIOCGPTN, &number) == 0) status.inode += (std::uint64_t{number} + 1) << 32;
}

// By statx, which can be asked for less than fstat. Since Linux 6.13 a file whose times
// were asked for gets new ones at its next write, which then takes twice as long; and
// a network file system does not ask its server, which whoever submits or reaps must not
// wait for. (A size that is too large then costs one more read, which says end of file.)
// False: `fd` is not open.
bool read_status(int fd, unsigned mask, FileStatus& result) noexcept {
  const int flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
  struct statx extended {};
  if (::statx(fd, "", flags, mask, &extended) == 0) {
    result = status_from(extended);
    tell_masters_apart(fd, result);
    return true;
  }
  if (errno == EBADF) return false;
  // Not there, or a filter that does not know it.
  struct stat status {};
  if (::fstat(fd, &status) != 0) return false;
  result = status_from(status);
  tell_masters_apart(fd, result);
  return true;
}

constexpr unsigned identity_mask = STATX_TYPE | STATX_INO;

// Whether pread() and pwrite() are refused whatever they are asked. A vector without a byte
// in it never comes to the file, nor waits for a read() that another thread is in, as
// lseek() does.
bool is_without_position(int fd) noexcept {
  const iovec nothing{};
  return sys::direct_call(SYS_preadv, fd, &nothing, 1, 0, 0) == -ESPIPE;
}

bool has_position(int fd, mode_t mode, int status_flags) noexcept {
  switch (mode & S_IFMT) {
    case S_IFREG:
      // trace_pipe and other files of the kernel's, and what a FUSE server says of its own.
      return (status_flags & O_DIRECT) != 0 || !is_without_position(fd);
    case S_IFCHR:
      return ::lseek(fd, 0, SEEK_CUR) >= 0;
    default:
      return false;
  }
}

}  // namespace

DescriptorTraits traits_of(mode_t mode, int status_flags, bool seekable, bool terminal) noexcept {
  DescriptorTraits traits;
  traits.append = (status_flags & O_APPEND) != 0;
  traits.direct = (status_flags & O_DIRECT) != 0;
  traits.non_blocking = (status_flags & O_NONBLOCK) != 0;
  traits.readable = (status_flags & O_ACCMODE) != O_WRONLY;
  traits.synchronous = (status_flags & O_DSYNC) != 0;  // which O_SYNC includes
  traits.writable = (status_flags & O_ACCMODE) != O_RDONLY;
  switch (mode & S_IFMT) {
    case S_IFREG:
      traits.kind = seekable ? DescriptorKind::regular : DescriptorKind::stream;
      break;
    case S_IFDIR:  // reading one is an error, which a plain read names best
      traits.kind = DescriptorKind::regular;
      break;
    case S_IFBLK:
      traits.kind = DescriptorKind::block;
      break;
    case S_IFCHR:
      traits.kind = seekable ? DescriptorKind::character : DescriptorKind::stream;
      if (terminal) traits.kind = DescriptorKind::terminal;
      break;
    case S_IFIFO:
      traits.kind = DescriptorKind::pipe;
      break;
    case S_IFSOCK:
      traits.kind = DescriptorKind::socket;
      break;
    default:  // what has no type: eventfd, timerfd, inotify ...
      traits.kind = DescriptorKind::stream;
  }
  if (traits.is_stream()) traits.direct = false;  // on a pipe it means packets
  return traits;
}

FileFacts read_traits(int fd) noexcept {
  const PreserveErrno preserve_errno;
  FileFacts facts;
  FileStatus status{};
  int status_flags = ::fcntl(fd, F_GETFL);
  // A filter that refuses to tell: then it may be read and written as far as can be said
  // here, and the kernel's answer to the transfer itself is what counts.
  if (status_flags < 0 && errno != EBADF) status_flags = O_RDWR;
  if (status_flags < 0 || !read_status(fd, identity_mask, status)) return facts;
  const bool seekable = has_position(fd, status.mode, status_flags);
  const bool terminal = S_ISCHR(status.mode) && !seekable && ::isatty(fd) == 1;
  facts.traits = traits_of(status.mode, status_flags, seekable, terminal);
  facts.device = status.device;
  facts.inode = status.inode;
  return facts;
}

bool is_same_file(int fd, std::uint32_t device, std::uint64_t inode) noexcept {
  const PreserveErrno preserve_errno;
  FileStatus status{};
  return read_status(fd, identity_mask, status) && status.device == device && status.inode == inode;
}

bool ends_file(int fd, std::int64_t end_bytes) noexcept {
  const PreserveErrno preserve_errno;
  FileStatus status{};
  return !read_status(fd, STATX_TYPE | STATX_SIZE, status) || end_bytes >= status.size_bytes;
}

WaitLimit wait_limit(int fd, DescriptorKind kind, bool to_read) noexcept {
  const PreserveErrno preserve_errno;
  if (kind == DescriptorKind::socket) {
    timeval limit{};
    socklen_t size_bytes = sizeof limit;
    if (::getsockopt(fd, SOL_SOCKET, to_read ? SO_RCVTIMEO : SO_SNDTIMEO, &limit, &size_bytes) != 0)
      return {};
    return {.limit_ns = limit.tv_sec * INT64_C(1'000'000'000) + limit.tv_usec * INT64_C(1'000),
            .result = -EAGAIN};
  }
  termios settings{};
  if (kind != DescriptorKind::terminal || !to_read || ::tcgetattr(fd, &settings) != 0 ||
      (settings.c_lflag & ICANON) != 0 || settings.c_cc[VMIN] != 0)
    return {};
  return {.limit_ns = settings.c_cc[VTIME] * INT64_C(100'000'000), .result = 0};
}

bool is_shut_for_reading(int fd) noexcept {
  const PreserveErrno preserve_errno;
  pollfd look{.fd = fd, .events = POLLRDHUP, .revents = 0};
  const timespec at_once{};
  return sys::direct_call(SYS_ppoll, &look, 1, &at_once, nullptr, 0) > 0 &&
         (look.revents & POLLRDHUP) != 0;
}

bool is_non_blocking(int fd, const DescriptorTraits& traits) noexcept {
  const PreserveErrno preserve_errno;
  const int status_flags = ::fcntl(fd, F_GETFL);
  return status_flags < 0 ? traits.non_blocking : (status_flags & O_NONBLOCK) != 0;
}

namespace {

// Whether it is a pipe without a name. All of these are on one device, of which the first one
// tells; fstatfs() would ask the file system of a FIFO, which may wait for a server.
bool is_nameless_pipe(int fd, const FileFacts& facts) noexcept {
  static std::atomic<std::uint32_t> device{0};  // 0: not known
  const std::uint32_t known = device.load(std::memory_order_relaxed);
  if (known != 0) return facts.device == known;
  char path[40];
  char target[8];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  constexpr std::string_view prefix = "pipe:[";
  const ssize_t size = ::readlink(path, target, sizeof target);
  if (size < 0 || !std::string_view(target, static_cast<std::size_t>(size)).starts_with(prefix))
    return false;
  // The number may have become another file since the facts were asked for.
  if (!is_same_file(fd, facts.device, facts.inode)) return false;
  device.store(facts.device, std::memory_order_relaxed);
  return true;
}

}  // namespace

bool poll_tells_all(int fd, const FileFacts& facts) noexcept {
  const PreserveErrno preserve_errno;
  if (facts.traits.kind == DescriptorKind::socket) {
    int listening = 0;
    socklen_t size_bytes = sizeof listening;
    return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size_bytes) == 0 &&
           listening == 0;
  }
  return facts.traits.kind == DescriptorKind::pipe && is_nameless_pipe(fd, facts);
}

Residency residency(int fd, std::int64_t offset_bytes, std::size_t size_bytes) noexcept {
  constexpr long cachestat_call = 451;
  struct {
    std::uint64_t offset_bytes, size_bytes;
  } range{static_cast<std::uint64_t>(offset_bytes), size_bytes};
  struct {
    std::uint64_t cached, dirty, writeback, evicted, recently_evicted;
  } pages{};
  const PreserveErrno preserve_errno;
  if (size_bytes == 0 || ::syscall(cachestat_call, fd, &range, &pages, 0) != 0) return {};
  static const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t first = range.offset_bytes / page_bytes;
  const std::uint64_t last = (range.offset_bytes + size_bytes - 1) / page_bytes;
  return {.can_tell = true, .all_cached = pages.cached >= last - first + 1};
}

bool locks_file_to_write(int fd) noexcept {
  const PreserveErrno preserve_errno;
  struct statfs status {};
  if (::fstatfs(fd, &status) != 0) return false;
  switch (static_cast<unsigned long>(status.f_type)) {
    case EXT4_SUPER_MAGIC:  // 2 and 3 as well
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
    case F2FS_SUPER_MAGIC:
    case TMPFS_MAGIC:
    case OVERLAYFS_SUPER_MAGIC:
      return true;
    default:
      return false;
  }
}

bool DeviceSet::contains(std::uint32_t device) const noexcept {
  for (const auto& known : devices_) {
    const std::uint64_t value = known.load(std::memory_order_relaxed);
    if (value == std::uint64_t{device} + 1) return true;
    if (value == 0) return false;
  }
  return false;
}

void DeviceSet::insert(std::uint32_t device) noexcept {
  const std::uint64_t wanted = std::uint64_t{device} + 1;
  for (auto& known : devices_) {
    std::uint64_t value = 0;
    if (known.compare_exchange_strong(value, wanted, std::memory_order_relaxed) || value == wanted)
      return;
  }
}

}  // namespace kaio
