// SPDX-License-Identifier: MIT
#include "stats/usage.h"

#include "base/file_descriptor.h"
#include "base/kernel_files.h"

#include <kaio/aio.h>
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
  for (const std::string root : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"})
    if (const auto number = number_in(root + "/events/raw_syscalls/sys_enter/id")) return *number;
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
  Usage so_far{
      .cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime),
      .context_switch_count = static_cast<std::uint64_t>(usage.ru_nvcsw + usage.ru_nivcsw)};
  std::uint64_t count = 0;
  if (counter() && ::read(counter().number(), &count, sizeof count) == sizeof count)
    so_far.system_call_count = count;
  return so_far;
}

Usage Usage::since(const Usage& before) const noexcept {
  Usage difference{.cpu_seconds = cpu_seconds - before.cpu_seconds,
                   .context_switch_count = context_switch_count - before.context_switch_count};
  if (system_call_count && before.system_call_count)
    difference.system_call_count = *system_call_count - *before.system_call_count;
  return difference;
}

KaioStatistics kaio_statistics_now() {
  kaio_statistics now{};
  kaio_get_statistics(&now, sizeof now);
  return {{"submitted", now.submitted},
          {"completed", now.completed},
          {"cancelled", now.cancelled},
          {"by_kernel", now.by_kernel},
          {"by_pool", now.by_pool},
          {"by_caller", now.by_caller},
          {"at_once", now.at_once},
          {"io_submit_calls", now.io_submit_calls},
          {"io_getevents_calls", now.io_getevents_calls},
          {"reason_would_block", now.reason_would_block},
          {"reason_no_nowait", now.reason_no_nowait},
          {"reason_device_full", now.reason_device_full},
          {"reason_short", now.reason_short},
          {"reason_refused", now.reason_refused},
          {"reason_not_ready", now.reason_not_ready},
          {"reason_ring_full", now.reason_ring_full},
          {"reason_unavailable", now.reason_unavailable},
          {"held_by_order", now.held_by_order},
          {"held_by_fence", now.held_by_fence},
          {"submitted_by_pool", now.submitted_by_pool},
          {"waits_by_kernel_poll", now.waits_by_kernel_poll},
          {"waits_by_epoll", now.waits_by_epoll},
          {"notified_signal", now.notified_signal},
          {"notified_thread", now.notified_thread},
          {"notified_eventfd", now.notified_eventfd},
          {"notification_retries", now.notification_retries},
          {"threads_started", now.threads_started}};
}

KaioStatistics difference(const KaioStatistics& after, const KaioStatistics& before) {
  KaioStatistics result = after;
  for (std::size_t i = 0; i < result.size(); ++i) result[i].second -= before[i].second;
  return result;
}

KaioStatistics sum(const KaioStatistics& one, const KaioStatistics& other) {
  if (one.empty()) return other;
  KaioStatistics result = one;
  for (std::size_t i = 0; i < other.size(); ++i) result[i].second += other[i].second;
  return result;
}

}  // namespace aio_bench
