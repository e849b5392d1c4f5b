// SPDX-License-Identifier: MIT
#include "loads/arrivals.h"

#include <algorithm>
#include <cmath>

namespace aio_bench {

Arrivals::Arrivals(Pace pace, std::int64_t begin_ns, std::uint64_t seed)
    : kind_(pace.kind),
      mean_interval_ns_(pace.kind == Pace::Kind::full ? 0 : 1e9 / pace.io_per_second),
      due_ns_(static_cast<double>(begin_ns)), random_(seed) {
  // A Poisson process has no arrival at its beginning.
  if (kind_ == Pace::Kind::poisson) take(begin_ns);
}

void Arrivals::take(std::int64_t now_ns) noexcept {
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

}  // namespace aio_bench
