// SPDX-License-Identifier: MIT
// Counters of everything that happens to requests. Written by any thread, read
// without a snapshot: they tell how often, never order anything.
#pragma once

#include <atomic>
#include <cstdint>

namespace kaio {

// In the order of struct kaio_statistics, which runtime/report.cc fills.
enum class Count : std::uint8_t {
  submitted, completed, cancelled, by_kernel, by_pool, at_once,
  io_submit_calls, io_getevents_calls,
  reason_would_block, reason_no_nowait, reason_device_full, reason_short, reason_refused,
  reason_not_ready, reason_ring_full, reason_unavailable,
  held_by_order, held_by_fence, submitted_by_pool, waits_by_kernel_poll, waits_by_epoll,
  notified_signal, notified_thread, notified_eventfd, notification_retries,
  threads_started, threads_ended,
  size,
};

class Statistics {
 public:
  void count(Count what, std::uint64_t times = 1) noexcept {
    counters_[static_cast<std::size_t>(what)].fetch_add(times, std::memory_order_relaxed);
  }
  void uncount(Count what) noexcept { count(what, ~std::uint64_t{0}); }
  std::uint64_t get(Count what) const noexcept {
    return counters_[static_cast<std::size_t>(what)].load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> counters_[static_cast<std::size_t>(Count::size)]{};
};

}  // namespace kaio
