// SPDX-License-Identifier: MIT
#pragma once

#include "figures/kaio_statistics.h"
#include "figures/latencies.h"
#include "figures/usage.h"

#include <cstdint>
#include <optional>

namespace aio_bench {

// What came out of running a load once; see json-format.md.
struct Measurement {
  double elapsed_seconds = 0;
  double io_per_second = 0;
  double bytes_per_second = 0;
  std::uint64_t io_count = 0;
  std::uint64_t byte_count = 0;
  std::uint64_t sync_count = 0;
  std::uint64_t eagain_count = 0;
  std::uint64_t retry_count = 0;
  Usage usage;
  Latencies latencies;
  KaioStatistics kaio_statistics;  // empty for other engines
  bool is_complete = false;        // not cut short by Ctrl-C
};

}  // namespace aio_bench
