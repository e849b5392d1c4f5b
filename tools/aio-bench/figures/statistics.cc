// SPDX-License-Identifier: MIT
#include "figures/statistics.h"

#include <algorithm>

namespace aio_bench {

double Summary::spread() const noexcept { return median > 0 ? (greatest - least) / 2 / median : 0; }

bool Summary::overlaps(const Summary& other) const noexcept {
  return least <= other.greatest && other.least <= greatest;
}

Summary summarize(std::vector<double> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  const double median =
      values.size() % 2 != 0 ? values[half] : (values[half - 1] + values[half]) / 2;
  return {.median = median, .least = values.front(), .greatest = values.back()};
}

}  // namespace aio_bench
