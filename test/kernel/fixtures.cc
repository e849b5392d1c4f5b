// SPDX-License-Identifier: MIT
#include "fixtures.h"

#include "support/checked.h"
#include "support/temporary_file.h"

#include <boost/test/framework.hpp>
#include <boost/test/tree/test_unit.hpp>

#include <cstdio>
#include <linux/magic.h>
#include <string>
#include <sys/vfs.h>
#include <unistd.h>

namespace fixtures {

namespace {

using support::checked;

Fd filled_file(const support::TemporaryDirectory& directory, std::size_t size_bytes, int flags) {
  const std::string path = directory.path() + "/file";
  const Fd plain = open_path(path.c_str(), O_RDWR | O_CREAT | O_EXCL);
  const std::string content(size_bytes, 'x');
  write_all(plain, content.data(), content.size());
  checked(::fsync(plain.get()), "fsync");
  return open_path(path.c_str(), O_RDWR | flags);
}

bool lies_on(const std::string& path, long magic) {
  struct statfs file_system;
  return ::statfs(path.c_str(), &file_system) == 0 && file_system.f_type == magic;
}

Precondition only_if(bool (*applies)(), const char* reason) {
  return Precondition{[=](boost::unit_test::test_unit_id id) {
    boost::test_tools::assertion_result result{applies()};
    if (!result) {
      const auto& unit = boost::unit_test::framework::get(id, boost::unit_test::TUT_ANY);
      std::fprintf(stderr, "SKIPPED: %s: %s\n", unit.full_name().c_str(), reason);
      result.message() << reason;
    }
    return result;
  }};
}

}  // namespace

Fd open_path(const char* path, int flags) {
  return Fd{checked(::open(path, flags | O_CLOEXEC, 0600), path)};
}

Fd make_file(std::size_t size_bytes, int extra_flags) {
  return filled_file(support::TemporaryDirectory{}, size_bytes, extra_flags);
}

Fd make_tmpfs_file(std::size_t size_bytes) {
  return filled_file(support::TemporaryDirectory{support::tmpfs}, size_bytes, 0);
}

void make_cold(const Fd& file) {
  checked(::fsync(file.get()), "fsync");
  if (const int error = ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED); error != 0)
    throw std::system_error{error, std::generic_category(), "posix_fadvise"};
}

void write_all(const Fd& file, const void* data, std::size_t size_bytes) {
  const char* position = static_cast<const char*>(data);
  while (size_bytes > 0) {
    const ssize_t written = checked(::write(file.get(), position, size_bytes), "write");
    position += written;
    size_bytes -= static_cast<std::size_t>(written);
  }
}

void append(const Fd& stream, std::string_view text) {
  write_all(stream, text.data(), text.size());
}

Precondition on_ext4() {
  return only_if([] { return lies_on(support::TemporaryDirectory{}.path(), EXT4_SUPER_MAGIC); },
                 "the directory for test files is not on ext4");
}

Precondition with_tmpfs() {
  return only_if([] { return lies_on(support::tmpfs, TMPFS_MAGIC); }, "/dev/shm is not tmpfs");
}

Precondition with_proc() {
  return only_if([] { return ::access("/proc/sys/fs/aio-nr", R_OK) == 0; },
                 "/proc/sys/fs/aio-nr cannot be read");
}

}  // namespace fixtures
