// SPDX-License-Identifier: MIT
#pragma once

#include "figures/histogram.h"

namespace aio_bench {

// See json-format.md for what each one counts.
struct Latencies {
  Histogram submission;
  Histogram completion;
  Histogram total;
  Histogram sync;

  void merge(const Latencies& other) noexcept {
    submission.merge(other.submission);
    completion.merge(other.completion);
    total.merge(other.total);
    sync.merge(other.sync);
  }
};

}  // namespace aio_bench
