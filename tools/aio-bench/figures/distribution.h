// SPDX-License-Identifier: MIT
#pragma once

#include "figures/histogram.h"

#include <cstdint>

namespace aio_bench {

// What is kept of a histogram for each repeat.
struct Distribution {
  std::uint64_t count = 0;
  double mean_ns = 0;
  std::int64_t least_ns = 0;
  std::int64_t p50_ns = 0;
  std::int64_t p90_ns = 0;
  std::int64_t p99_ns = 0;
  std::int64_t p99_9_ns = 0;
  std::int64_t p99_99_ns = 0;
  std::int64_t greatest_ns = 0;
};

inline Distribution distribution_of(const Histogram& histogram) {
  return {.count = histogram.count(),
          .mean_ns = histogram.mean_ns(),
          .least_ns = histogram.percentile(0),
          .p50_ns = histogram.percentile(0.5),
          .p90_ns = histogram.percentile(0.9),
          .p99_ns = histogram.percentile(0.99),
          .p99_9_ns = histogram.percentile(0.999),
          .p99_99_ns = histogram.percentile(0.9999),
          .greatest_ns = histogram.percentile(1)};
}

}  // namespace aio_bench
