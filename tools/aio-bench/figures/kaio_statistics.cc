// SPDX-License-Identifier: MIT
#include "figures/kaio_statistics.h"

#include <kaio/aio.h>

namespace aio_bench {

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
