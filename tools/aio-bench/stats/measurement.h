// SPDX-License-Identifier: MIT
#pragma once

#include "stats/histogram.h"
#include "stats/usage.h"

#include <algorithm>
#include <cstdint>

namespace aio_bench {

// What was done, by one job or by all of them; see json-format.md.
struct Work {
  double elapsed_seconds = 0;
  double io_per_second = 0;
  double bytes_per_second = 0;
  std::uint64_t io_count = 0;
  std::uint64_t byte_count = 0;
  std::uint64_t sync_count = 0;
  std::uint64_t eagain_count = 0;
  std::uint64_t retry_count = 0;

  // By another job at the same time.
  void add(const Work& other) noexcept {
    elapsed_seconds = std::max(elapsed_seconds, other.elapsed_seconds);
    io_per_second += other.io_per_second;
    bytes_per_second += other.bytes_per_second;
    io_count += other.io_count;
    byte_count += other.byte_count;
    sync_count += other.sync_count;
    eagain_count += other.eagain_count;
    retry_count += other.retry_count;
  }
};

// What came out of running a load once.
struct Measurement : Work {
  Usage usage;
  Latencies latencies;
  KaioStatistics kaio_statistics;  // empty for other engines
  bool is_complete = false;        // not cut short by Ctrl-C
};

}  // namespace aio_bench
