// SPDX-License-Identifier: MIT
#pragma once

#include "base/random.h"
#include "loads/load.h"

#include <cstdint>

namespace aio_bench {

// When the I/Os of one job are due. Pure.
class Arrivals {
 public:
  // `pace`: that of this job alone.
  Arrivals(Pace pace, std::int64_t begin_ns, std::uint64_t seed);

  // Of the next one; at full pace always long ago.
  std::int64_t next_due_ns() const noexcept { return static_cast<std::int64_t>(due_ns_); }

  // The next one was taken at `now_ns`. A limited pace makes up for at most
  // `greatest_lag_ns` that it is late, so that a stall does not become a burst;
  // a Poisson process knows nothing of stalls.
  void take(std::int64_t now_ns) noexcept;

  static constexpr double greatest_lag_ns = 10e6;

 private:
  const Pace::Kind kind_;
  const double mean_interval_ns_;
  double due_ns_;
  Random random_;
};

}  // namespace aio_bench
