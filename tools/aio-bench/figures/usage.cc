// SPDX-License-Identifier: MIT
#include "figures/usage.h"

#include "base/file_descriptor.h"

#include <fstream>
#include <linux/perf_event.h>
#include <string>
#include <sys/resource.h>
#include <sys/syscall.h>

namespace aio_bench {

namespace {

FileDescriptor& counter() {
  static FileDescriptor descriptor;
  return descriptor;
}

std::uint64_t tracepoint_number() {
  std::uint64_t number = 0;
  for (const std::string root : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
    std::ifstream file(root + "/events/raw_syscalls/sys_enter/id");
    if (file >> number) return number;
  }
  return 0;
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

bool count_system_calls() {
  perf_event_attr what{};
  what.size = sizeof what;
  what.type = PERF_TYPE_TRACEPOINT;
  what.config = tracepoint_number();
  what.inherit = 1;
  if (what.config == 0) return false;
  counter() = FileDescriptor(
      static_cast<int>(::syscall(SYS_perf_event_open, &what, 0, -1, -1, PERF_FLAG_FD_CLOEXEC)));
  return static_cast<bool>(counter());
}

Usage Usage::now() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  Usage so_far{.cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime),
               .context_switch_count = static_cast<std::uint64_t>(usage.ru_nvcsw + usage.ru_nivcsw),
               .system_call_count = std::nullopt};
  std::uint64_t count = 0;
  if (counter() && ::read(counter().number(), &count, sizeof count) == sizeof count)
    so_far.system_call_count = count;
  return so_far;
}

Usage Usage::since(const Usage& before) const noexcept {
  Usage difference{.cpu_seconds = cpu_seconds - before.cpu_seconds,
                   .context_switch_count = context_switch_count - before.context_switch_count,
                   .system_call_count = std::nullopt};
  if (system_call_count && before.system_call_count)
    difference.system_call_count = *system_call_count - *before.system_call_count;
  return difference;
}

}  // namespace aio_bench
