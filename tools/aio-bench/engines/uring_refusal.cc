// SPDX-License-Identifier: MIT
#include "engines/uring_refusal.h"

#include "base/errors.h"
#include "base/limits.h"
#include "base/text.h"

#include <cerrno>
#include <cstdio>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <utility>

namespace aio_bench {

namespace {

constexpr unsigned most_entries = 32768;

// Before Linux 5.12 a ring counts as locked memory, unless root makes it.
std::string memory_text() {
  utsname names{};
  ::uname(&names);
  unsigned major = 0, minor = 0;
  rlimit limit{};
  if (std::sscanf(names.release, "%u.%u", &major, &minor) == 2 &&
      std::pair(major, minor) < std::pair(5U, 12U) && ::geteuid() != 0 &&
      ::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    return fmt::format(
        ": the limit of locked memory is {}: raise it with ulimit -l, or lower "
        "--depth or --jobs",
        size_text(limit.rlim_cur));
  return memory_advice(0);
}

}  // namespace

std::string uring_refusal_text(int outcome, unsigned entry_count) {
  if (outcome == -EPERM || outcome == -ENOSYS || outcome == -EACCES)
    return fmt::format(
        "io_uring is not permitted here (io_uring_setup: {}; see sysctl "
        "kernel.io_uring_disabled, or the container's seccomp profile)",
        error_text(-outcome));
  if (outcome == -ENOMEM)
    return fmt::format("io_uring: no memory for {} requests{}", entry_count, memory_text());
  if (outcome == -EINVAL && entry_count > most_entries)
    return fmt::format("io_uring: a ring has at most {} entries, not {}: lower --depth",
                       most_entries, entry_count);
  return fmt::format("io_uring: io_uring_setup for {} requests: {}{}", entry_count,
                     error_text(-outcome), descriptor_advice(-outcome));
}

}  // namespace aio_bench
