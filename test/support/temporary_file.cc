// SPDX-License-Identifier: MIT
#include "temporary_file.h"

#include "checked.h"
#include "deadline.h"
#include "pattern.h"

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/stat.h>
#include <vector>

namespace support {

namespace {

std::string disk_directory() {
  const char* chosen = std::getenv("KAIO_TEST_DIR");
  return chosen != nullptr && *chosen != '\0' ? chosen : "/var/tmp";
}

void write_file(const std::string& path, std::size_t size_bytes) {
  Fd file{checked(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), "open")};
  constexpr std::size_t step_bytes = 1 << 20;
  for (std::size_t done = 0; done < size_bytes; done += step_bytes) {
    const std::string part = pattern(std::min(step_bytes, size_bytes - done), done);
    if (::write(file.get(), part.data(), part.size()) != static_cast<ssize_t>(part.size()))
      throw std::system_error{errno, std::generic_category(), "write"};
  }
  checked(::fsync(file.get()), "fsync");
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() : TemporaryDirectory{disk_directory()} {}

TemporaryDirectory::TemporaryDirectory(const std::string& parent)
    : path_{parent + "/kaio-test-XXXXXX"} {
  if (::mkdtemp(path_.data()) == nullptr)
    throw std::system_error{errno, std::generic_category(), path_};
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

TemporaryFile::TemporaryFile(std::size_t size_bytes) : path_{directory_.path() + "/file"} {
  write_file(path_, size_bytes);
}

TemporaryFile::TemporaryFile(const char* parent_directory, std::size_t size_bytes)
    : directory_{parent_directory}, path_{directory_.path() + "/file"} {
  write_file(path_, size_bytes);
}

Fd TemporaryFile::open(int flags) const {
  return Fd{checked(::open(path_.c_str(), flags | O_CLOEXEC), "open")};
}

std::string TemporaryFile::content() const {
  std::ifstream file{path_, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

namespace {

// Whether any page of the file is.
bool is_cached(int fd) {
  struct stat status {};
  checked(::fstat(fd, &status), "fstat");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return false;
  void* const pages = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (pages == MAP_FAILED) throw std::system_error{errno, std::generic_category(), "mmap"};
  std::vector<unsigned char> cached(size / 4096 + 1);
  const int outcome = ::mincore(pages, size, cached.data());
  ::munmap(pages, size);
  checked(outcome, "mincore");
  return std::ranges::any_of(cached, [](unsigned char page) { return (page & 1) != 0; });
}

}  // namespace

void TemporaryFile::make_cold() const {
  const Fd file = open(O_RDWR);
  checked(::fsync(file.get()), "fsync");
  // The kernel keeps pages that another processor has in its hands just then.
  const bool cold = eventually([&file] {
    if (const int error = ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED); error != 0)
      throw std::system_error{error, std::generic_category(), "posix_fadvise"};
    return !is_cached(file.get());
  });
  if (!cold) throw std::runtime_error{"the kernel keeps the file in its cache"};
}

}  // namespace support
