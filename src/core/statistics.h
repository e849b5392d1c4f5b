// SPDX-License-Identifier: MIT
// Counters of everything that happens to requests. Written by any thread, read
// without a snapshot: they tell how often, never order anything.
#pragma once

#include <atomic>
#include <cstdint>

#include "sys/alone.h"
#include "sys/mutex.h"

namespace kaio {

// The members of struct kaio_statistics, which posix/process/report.cc fills.
enum class Count : std::uint8_t {
  submitted,
  completed,
  cancelled,
  by_kernel,
  by_pool,
  at_once,
  io_submit_calls,
  io_getevents_calls,
  reason_would_block,
  reason_no_nowait,
  reason_device_full,
  reason_short,
  reason_refused,
  reason_not_ready,
  reason_ring_full,
  reason_unavailable,
  held_by_order,
  held_by_fence,
  submitted_by_pool,
  waits_by_kernel_poll,
  waits_by_epoll,
  notified_signal,
  notified_thread,
  notified_eventfd,
  notification_retries,
  threads_started,
  threads_ended,
  by_caller,
  size,
};

class Statistics {
 public:
  // How it lies in memory, for those who read it from outside (posix/process/live_file.h): counters
  // of 64 bits, in the order of enum Count, in each of the shards, whose sums count.
  static constexpr std::uint32_t shard_count = 80;
  static constexpr std::uint32_t shard_bytes = 256;

  static constexpr std::uint32_t own_shard_count = 64;

  // Below own_shard_count: a number that only the calling thread has, for ever. Not below: it has
  // none.
  static std::uint32_t this_threads_number() noexcept { return this_threads_shard; }
  // So many threads have had one, or have asked for one too late.
  static std::uint32_t thread_numbers() noexcept {
    return next_shard.load(std::memory_order_acquire);
  }

  void count(Count what) noexcept { add(what, 1); }
  // For a thread that has that number.
  void count(Count what, std::uint32_t number) noexcept {
    sys::add_alone(shards_[number].counters[static_cast<std::size_t>(what)], 1);
  }
  void uncount(Count what) noexcept { add(what, -1); }
  std::uint64_t get(Count what) const noexcept {
    std::uint64_t sum = 0;
    for (const Shard& shard : shards_)
      sum += shard.counters[static_cast<std::size_t>(what)].load(std::memory_order_relaxed);
    return sum;
  }

 private:
  static constexpr std::uint32_t shared_shard_count = shard_count - own_shard_count;

  struct alignas(64) Shard {
    std::atomic<std::uint64_t> counters[static_cast<std::size_t>(Count::size)]{};
  };
  static_assert(sizeof(Shard) == shard_bytes);

  // The first threads that count have a shard each, for ever: nobody else writes to
  // it, so that counting needs no atomic read-modify-write. All others share.
  void add(Count what, std::int64_t difference) noexcept {
    const std::uint32_t own = this_threads_shard;
    if (own < own_shard_count) {
      sys::add_alone(shards_[own].counters[static_cast<std::size_t>(what)], difference);
    } else {
      add_shared(what, difference);
    }
  }
  void add_shared(Count what, std::int64_t difference) noexcept;

  static constexpr std::uint32_t no_shard = UINT32_MAX;
  static KAIO_THREAD_LOCAL std::uint32_t this_threads_shard;
  static std::atomic<std::uint32_t> next_shard;

  Shard shards_[own_shard_count + shared_shard_count];
};

}  // namespace kaio
