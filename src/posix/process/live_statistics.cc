// SPDX-License-Identifier: MIT
#include "posix/process/live_statistics.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "posix/process/live_file.h"
#include "posix/process/report.h"
#include "sys/clock.h"
#include "sys/descriptors.h"
#include "sys/direct_call.h"
#include "sys/pages.h"
#include "sys/signals_held.h"

namespace kaio::live_statistics {
namespace {

constexpr std::size_t heading_bytes = sys::page_bytes_max;
constexpr std::size_t counters_bytes =
    (sizeof(Statistics) + sys::page_bytes_max - 1) & ~(sys::page_bytes_max - 1);
constexpr std::size_t file_bytes = heading_bytes + counters_bytes;
static_assert(sizeof(Statistics) == Statistics::shard_count * Statistics::shard_bytes);

char directory[192];
// The whole file, in this process's memory for as long as it lives. Null: there is none.
LiveFile* file = nullptr;

char* end_of_number(char* end, std::uint64_t number) noexcept {
  char digits[20];
  std::size_t count = 0;
  do digits[count++] = static_cast<char>('0' + number % 10);
  while ((number /= 10) != 0);
  while (count > 0) *end++ = digits[--count];
  return end;
}

// A new file in `directory`, of its full size. A negative error number, or the descriptor.
int make_file(std::int32_t pid, std::int64_t now_ns) noexcept {
  char path[sizeof directory + 48];
  std::strcpy(path, directory);
  char* end = path + std::strlen(path);
  *end++ = '/';
  end = end_of_number(end, static_cast<std::uint64_t>(pid));
  *end++ = '-';
  *end_of_number(end, static_cast<std::uint64_t>(now_ns)) = '\0';
  const long fd = sys::direct_call(SYS_openat, long{AT_FDCWD}, path,
                                   long{O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC}, 0600L);
  if (fd < 0) return static_cast<int>(fd);
  const sys::WriteSignalsHeld held;  // of a limit on the size of files
  // All of its space: where none is left when a page is first touched, the process would end.
  const long outcome = sys::direct_call(SYS_fallocate, fd, 0L, 0L, long{file_bytes});
  if (outcome == 0) return static_cast<int>(fd);
  sys::direct_call(SYS_unlinkat, long{AT_FDCWD}, path, 0L);
  sys::close_descriptor(static_cast<int>(fd));
  return static_cast<int>(outcome);
}

void describe(LiveFile& heading, std::int32_t pid, std::int64_t now_ns) noexcept {
  heading.version = LiveFile::version_now;
  heading.heading_bytes = heading_bytes;
  heading.shard_count = Statistics::shard_count;
  heading.shard_bytes = Statistics::shard_bytes;
  heading.counter_count = static_cast<std::uint32_t>(Count::size);
  static_assert(static_cast<std::size_t>(Count::size) <= LiveFile::counters_max);
  for (std::size_t i = 0; i < heading.counter_count; ++i)
    std::strncpy(heading.names[i], name_of(static_cast<Count>(i)), sizeof heading.names[i] - 1);
  std::strncpy(heading.program, program_invocation_short_name, sizeof heading.program - 1);
  heading.pid = pid;
  heading.begin_ns = now_ns;
  heading.magic.store(LiveFile::magic_number, std::memory_order_release);
}

// 0, or an error number. In a child of fork() too, so nothing that is not async-signal-safe.
int begin() noexcept {
  file = nullptr;
  const auto pid = static_cast<std::int32_t>(sys::direct_call(SYS_getpid));
  const std::int64_t now_ns = sys::monotonic_ns();
  const int fd = make_file(pid, now_ns);
  if (fd < 0) return -fd;
  void* pages = ::mmap(nullptr, file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  sys::close_descriptor(fd);
  if (pages == MAP_FAILED) return ENOMEM;
  file = static_cast<LiveFile*>(pages);
  describe(*file, pid, now_ns);
  return 0;
}

void begin_in_child() noexcept {
  const int saved_errno = errno;
  if (file != nullptr) ::munmap(static_cast<void*>(file), file_bytes);
  begin();
  errno = saved_errno;
}

[[gnu::constructor]] void begin_if_the_environment_asks() noexcept {
  const char* value = ::secure_getenv("KAIO_STATS_DIR");  // it is written to
  if (value == nullptr || *value == '\0') return;
  int error_number = ENAMETOOLONG;
  if (*value != '/') {
    error_number = ENOTDIR;  // it has to be found after chdir() too
  } else if (std::strlen(value) < sizeof directory) {
    std::strcpy(directory, value);
    error_number = begin();
  }
  if (error_number != 0) {
    std::fprintf(stderr, "kaio: KAIO_STATS_DIR=%s is ignored: it cannot be written to (%s)\n",
                 value, std::strerror(error_number));
    return;
  }
  // Before the first request, so that a child of a process that makes none has its own too.
  ::pthread_atfork(nullptr, nullptr, begin_in_child);
}

}  // namespace

void attach(Statistics& statistics) noexcept {
  if (file == nullptr) return;
  void* counters = reinterpret_cast<char*>(file) + heading_bytes;
  // Size 0: the same pages once more, at another place; both stay.
  if (::mremap(counters, 0, counters_bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
               static_cast<void*>(&statistics)) == MAP_FAILED)
    detach(statistics);  // what was there may be gone by now
}

void detach(Statistics& statistics) noexcept {
  if (*directory == '\0') return;
  ::mmap(static_cast<void*>(&statistics), counters_bytes, PROT_READ | PROT_WRITE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

}  // namespace kaio::live_statistics
