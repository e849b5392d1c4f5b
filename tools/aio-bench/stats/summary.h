// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <vector>

namespace aio_bench {

// One figure over the repeats of a measurement.
struct Summary {
  double median = 0;
  double least = 0;
  double greatest = 0;

  // Half of the range, relative to the median: "3 % up or down".
  double spread() const noexcept { return median > 0 ? (greatest - least) / 2 / median : 0; }

  // Neither can be said to be the greater one: their ranges touch.
  bool overlaps(const Summary& other) const noexcept {
    return least <= other.greatest && other.least <= greatest;
  }
};

inline Summary summarize(std::vector<double> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  const double median =
      values.size() % 2 != 0 ? values[half] : (values[half - 1] + values[half]) / 2;
  return {.median = median, .least = values.front(), .greatest = values.back()};
}

}  // namespace aio_bench
