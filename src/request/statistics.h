// SPDX-License-Identifier: MIT
// Counters of everything that happens to requests. Written by any thread, read
// without a snapshot: they tell how often, never order anything.
#pragma once

#include <atomic>
#include <cstdint>

#include "sys/mutex.h"

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
  void count(Count what) noexcept { counter(what).fetch_add(1, std::memory_order_relaxed); }
  void uncount(Count what) noexcept { counter(what).fetch_sub(1, std::memory_order_relaxed); }
  std::uint64_t get(Count what) const noexcept {
    std::uint64_t sum = 0;
    for (const Shard& shard : shards_)
      sum += shard.counters[static_cast<std::size_t>(what)].load(std::memory_order_relaxed);
    return sum;
  }

 private:
  static constexpr std::size_t shard_count = 16;

  // Threads that count the same things at the same time mostly do so in different
  // cache lines.
  struct alignas(64) Shard {
    std::atomic<std::uint64_t> counters[static_cast<std::size_t>(Count::size)]{};
  };

  std::atomic<std::uint64_t>& counter(Count what) noexcept {
    // Stacks lie at least a page apart, and with them what is a thread's own.
    const std::size_t shard = (sys::this_thread() >> 12) % shard_count;
    return shards_[shard].counters[static_cast<std::size_t>(what)];
  }

  Shard shards_[shard_count];
};

}  // namespace kaio
