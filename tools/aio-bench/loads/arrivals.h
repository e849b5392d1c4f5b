// SPDX-License-Identifier: MIT
#pragma once

#include "base/random.h"
#include "loads/load.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace aio_bench {

// When the I/Os of one job are due. Pure.
class Arrivals {
 public:
  // `pace`: that of this job alone.
  Arrivals(Pace pace, std::int64_t begin_ns, std::uint64_t seed)
      : kind_(pace.kind),
        mean_interval_ns_(pace.kind == Pace::Kind::full ? 0 : 1e9 / pace.io_per_second),
        due_ns_(static_cast<double>(begin_ns)), random_(seed) {
    // A Poisson process has no arrival at its beginning.
    if (kind_ == Pace::Kind::poisson) take(begin_ns);
  }

  // Of the next one; at full pace always long ago.
  std::int64_t next_due_ns() const noexcept { return static_cast<std::int64_t>(due_ns_); }

  // The next one was taken at `now_ns`. A limited pace makes up for at most
  // `greatest_lag_ns` that it is late, so that a stall does not become a burst;
  // a Poisson process knows nothing of stalls.
  void take(std::int64_t now_ns) noexcept {
    switch (kind_) {
      case Pace::Kind::limited:
        due_ns_ =
            std::max(due_ns_ + mean_interval_ns_, static_cast<double>(now_ns) - greatest_lag_ns);
        break;
      case Pace::Kind::poisson: {
        // Of (0, 1]: the logarithm is finite.
        const double uniform = (static_cast<double>(random_.next() >> 11) + 1) * 0x1p-53;
        due_ns_ -= std::log(uniform) * mean_interval_ns_;
        break;
      }
      default:
        break;
    }
  }

  static constexpr double greatest_lag_ns = 10e6;

 private:
  const Pace::Kind kind_;
  const double mean_interval_ns_;
  double due_ns_;
  Random random_;
};

}  // namespace aio_bench
