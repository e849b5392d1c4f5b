// SPDX-License-Identifier: MIT
#include "engine/unsynced_writes.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace kaio::testing {
namespace {

constexpr std::size_t sector_bytes = 512;

// Buffered, by a descriptor of its own: what was written may be at any place and of any size.
int open_again(int fd) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  const int again = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (again < 0)
    throw std::system_error(errno, std::system_category(), "kaio::testing::FaultyKernel: " + path);
  return again;
}

void write_all(int fd, const char* data, std::size_t size_bytes, std::uint64_t offset_bytes) {
  while (size_bytes != 0) {
    const ssize_t done = ::pwrite(fd, data, size_bytes, static_cast<off_t>(offset_bytes));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0)
      throw std::system_error(errno, std::system_category(), "kaio::testing::FaultyKernel");
    data += done;
    size_bytes -= static_cast<std::size_t>(done);
    offset_bytes += static_cast<std::uint64_t>(done);
  }
}

}  // namespace

UnsyncedWrites::~UnsyncedWrites() {
  for (const Write& write : writes_) ::close(write.fd);
}

UnsyncedWrites::FileId UnsyncedWrites::file_id(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return {0, 0};
  return {status.st_dev, status.st_ino};
}

void UnsyncedWrites::about_to_write(int fd, std::uint64_t offset_bytes, std::size_t size_bytes) {
  Write write{.file = file_id(fd),
              .fd = open_again(fd),
              .offset_bytes = offset_bytes,
              .before = std::vector<char>(size_bytes),
              .after = {},
              .durable = false};
  std::size_t read_bytes = 0;  // behind the end of the file there are zeros
  while (read_bytes < size_bytes) {
    const ssize_t done =
        ::pread(write.fd, write.before.data() + read_bytes, size_bytes - read_bytes,
                static_cast<off_t>(offset_bytes + read_bytes));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) break;
    read_bytes += static_cast<std::size_t>(done);
  }
  writes_.push_back(std::move(write));
}

void UnsyncedWrites::written(const void* data, std::size_t size_bytes, bool durable) {
  Write& write = writes_.back();
  if (size_bytes == 0) {
    ::close(write.fd);
    writes_.pop_back();
    return;
  }
  const auto* const bytes = static_cast<const char*>(data);
  write.after.assign(bytes, bytes + size_bytes);
  write.before.resize(size_bytes);
  write.durable = durable;
}

void UnsyncedWrites::synced(int fd) {
  const FileId file = file_id(fd);
  std::erase_if(writes_, [&](const Write& write) {
    if (write.file != file) return false;
    ::close(write.fd);
    return true;
  });
}

void UnsyncedWrites::lose(std::mt19937_64& chance, double torn, FaultyKernel::Counts& counts) {
  for (auto write = writes_.rbegin(); write != writes_.rend(); ++write)
    write_all(write->fd, write->before.data(), write->before.size(), write->offset_bytes);
  std::bernoulli_distribution is_kept(0.5), is_torn(torn);
  for (const Write& write : writes_) {
    const bool all = write.durable || is_kept(chance);
    const bool some = !all && is_torn(chance);
    counts.lost_writes += !all && !some;
    counts.torn_writes += some;
    for (std::size_t place = 0; place < write.after.size(); place += sector_bytes) {
      const std::size_t size_bytes = std::min(sector_bytes, write.after.size() - place);
      if (all || (some && is_kept(chance)))
        write_all(write.fd, write.after.data() + place, size_bytes, write.offset_bytes + place);
    }
  }
  for (const Write& write : writes_) {
    ::fsync(write.fd);  // so that a direct read finds it, whatever the cache has
    ::close(write.fd);
  }
  writes_.clear();
}

}  // namespace kaio::testing
