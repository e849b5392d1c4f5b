// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

namespace aio_bench {

// One figure over the repeats of a measurement.
struct Summary {
  double median = 0;
  double least = 0;
  double greatest = 0;

  // Half of the range, relative to the median: "3 % up or down".
  double spread() const noexcept;

  // Neither can be said to be the greater one: their ranges touch.
  bool overlaps(const Summary& other) const noexcept;
};

Summary summarize(std::vector<double> values);

}  // namespace aio_bench
