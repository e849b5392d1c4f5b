// SPDX-License-Identifier: MIT
#include <kaio/engine/file.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/fs.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/alignment.h"
#include "engine/file_state.h"

namespace kaio {
namespace {

[[noreturn]] void fail(int error_number, const std::string& what) {
  throw std::system_error(error_number, std::system_category(), what);
}

// Asked by an open(): fcntl() lets overlay have O_DIRECT that its own file systems refuse later.
bool takes_direct(int fd) noexcept {
  const std::string itself = "/proc/self/fd/" + std::to_string(fd);
  const int probe = ::open(itself.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC);
  if (probe >= 0) ::close(probe);
  return probe >= 0;
}

int open_as_asked(const char* path, const FileOptions& options) noexcept {
  const int flags = (options.flags & ~O_DIRECT) | O_CLOEXEC;
  const bool prefers = options.direct == Direct::prefer;
  if (options.direct != Direct::never && (!prefers || (flags & O_CREAT) == 0)) {
    const int fd = ::open(path, flags | O_DIRECT, options.mode);
    // EINVAL: the file system knows no O_DIRECT.
    if (fd >= 0 || errno != EINVAL || !prefers) return fd;
  }
  const int fd = ::open(path, flags, options.mode);
  // An open() with O_DIRECT that fails has created the file nevertheless, and that may not be
  // opened a second time, for its mode or for O_EXCL: so it is switched to it afterwards.
  if (fd >= 0 && prefers && (flags & O_CREAT) != 0 && takes_direct(fd))
    static_cast<void>(::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_DIRECT));
  return fd;
}

}  // namespace

void File::Deleter::operator()(engine::FileState* state) const noexcept {
  ::close(state->fd);
  delete state;
}

File::File() noexcept = default;
File::~File() = default;
File::File(File&& other) noexcept = default;
File& File::operator=(File&& other) noexcept = default;

File::File(const char* path, const FileOptions& options) {
  const int fd = open_as_asked(path, options);
  if (fd < 0) fail(errno, path);
  try {
    *this = adopt(fd);
  } catch (...) {
    ::close(fd);
    throw;
  }
}

File File::adopt(int fd) {
  const FileFacts facts = read_traits(fd);
  if (!facts.traits.known()) fail(EBADF, "kaio::File::adopt");
  File file;
  file.state_.reset(new engine::FileState);
  file.state_->fd = fd;
  file.state_->facts = facts;
  if (facts.traits.direct) {
    Alignment& alignment = file.state_->alignment;
    alignment = engine::direct_alignment(fd, facts);
    // What is left of a short one begins at a multiple of it, in memory too.
    file.state_->facts.direct_bytes =
        std::max({alignment.memory_bytes, alignment.read_bytes, alignment.overwrite_bytes});
    file.state_->misaligned_address_bits = alignment.memory_bytes - 1;
    file.state_->reads.misaligned_bits = alignment.read_bytes - 1;
    file.state_->writes.misaligned_bits = alignment.overwrite_bytes - 1;
    for (const bool to_read : {true, false}) file.state_->decide(to_read);
  }
  return file;
}

int File::fd() const noexcept { return state_ == nullptr ? -1 : state_->fd; }

bool File::is_direct() const noexcept { return state_ != nullptr && state_->facts.traits.direct; }

bool File::is_stream() const noexcept {
  return state_ != nullptr && state_->facts.traits.is_stream();
}

const Alignment& File::alignment() const noexcept {
  static constexpr Alignment none;
  return state_ == nullptr ? none : state_->alignment;
}

std::uint64_t File::size_bytes() const {
  std::uint64_t size_bytes = 0;
  if (state_ != nullptr && state_->facts.traits.kind == DescriptorKind::block) {
    if (::ioctl(fd(), BLKGETSIZE64, &size_bytes) != 0) fail(errno, "kaio::File::size_bytes");
    return size_bytes;
  }
  struct stat status {};
  if (::fstat(fd(), &status) != 0) fail(errno, "kaio::File::size_bytes");
  return static_cast<std::uint64_t>(status.st_size);
}

bool File::preallocate(std::uint64_t offset_bytes, std::uint64_t size_bytes) {
  int outcome = 0;
  do {
    outcome =
        ::fallocate(fd(), 0, static_cast<off_t>(offset_bytes), static_cast<off_t>(size_bytes));
  } while (outcome != 0 && errno == EINTR);
  if (outcome == 0) return true;
  if (errno != EOPNOTSUPP) fail(errno, "kaio::File::preallocate");
  return false;
}

bool File::sync_has_failed() const noexcept {
  return state_ != nullptr && state_->sync_failed.load(std::memory_order_relaxed);
}

void File::forgive() noexcept {
  if (state_ != nullptr) state_->sync_failed.store(false, std::memory_order_relaxed);
}

}  // namespace kaio
