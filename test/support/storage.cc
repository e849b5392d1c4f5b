// SPDX-License-Identifier: MIT
#include "storage.h"

#include "aligned_buffer.h"
#include "checked.h"
#include "pattern.h"
#include "precondition.h"

#include <fcntl.h>
#include <ostream>
#include <sys/mman.h>

namespace support {

namespace {

Fd memory_file(std::size_t size_bytes) {
  Fd file{checked(::memfd_create("kaio-test", MFD_CLOEXEC), "memfd_create")};
  const std::string content = pattern(size_bytes);
  checked(::pwrite(file.get(), content.data(), content.size(), 0), "pwrite");
  return file;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, StorageKind kind) {
  static constexpr const char* names[] = {"buffered file", "O_DIRECT file", "tmpfs file",
                                          "memory file", "loop device"};
  return out << names[static_cast<int>(kind)];
}

std::vector<StorageKind> storage_kinds() {
  std::vector<StorageKind> kinds{StorageKind::buffered_file, StorageKind::tmpfs_file,
                                 StorageKind::memory_file};
  try {
    TemporaryFile{4096}.open(O_RDWR | O_DIRECT);
    kinds.push_back(StorageKind::direct_file);
  } catch (const std::exception&) {
  }
  if (loop_devices_exist()) kinds.push_back(StorageKind::loop_device);
  return kinds;
}

Storage::Storage(StorageKind kind, std::size_t size_bytes) : kind_{kind} {
  switch (kind) {
    case StorageKind::buffered_file:
    case StorageKind::direct_file:
      file_.emplace(size_bytes);
      break;
    case StorageKind::tmpfs_file:
      file_.emplace(tmpfs, size_bytes);
      break;
    case StorageKind::memory_file:
      fd_ = memory_file(size_bytes);
      return;
    case StorageKind::loop_device:
      loop_.emplace(size_bytes);
      break;
  }
  fd_ = open_again(O_RDWR);
}

Fd Storage::open_again(int flags) const {
  if (kind_ == StorageKind::memory_file) {
    const std::string path = "/proc/self/fd/" + std::to_string(fd_.get());
    return Fd{checked(::open(path.c_str(), flags | O_CLOEXEC), path.c_str())};
  }
  if (kind_ == StorageKind::direct_file || kind_ == StorageKind::loop_device) flags |= O_DIRECT;
  return loop_ ? loop_->open(flags) : file_->open(flags);
}

std::string Storage::read(std::size_t size_bytes, off_t offset) const {
  const AlignedBuffer buffer{size_bytes};
  const ssize_t count = checked(::pread(fd_.get(), buffer.data(), size_bytes, offset), "pread");
  return {buffer.data(), static_cast<std::size_t>(count)};
}

}  // namespace support
