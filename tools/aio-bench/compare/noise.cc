// SPDX-License-Identifier: MIT
#include "compare/noise.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace aio_bench {

namespace {

constexpr double family_p = 0.01;  // of all figures together
constexpr std::size_t least_repeats = 3;
// More repeats make an exact table large, and say nothing more.
constexpr std::size_t most_repeats = 40;

double pairs_in_order(std::span<const double> one, std::span<const double> other) {
  double u = 0;
  for (const double a : one)
    for (const double b : other) u += a < b ? 1 : a == b ? 0.5 : 0;
  return u;
}

// In how many orders of the two samples there are u pairs, for each u.
std::vector<double> order_counts(std::size_t one_count, std::size_t other_count) {
  std::vector<std::vector<double>> counts(other_count + 1, {1});
  for (std::size_t a = 1; a <= one_count; ++a) {
    std::vector<std::vector<double>> next(other_count + 1);
    for (std::size_t b = 0; b <= other_count; ++b) {
      // The greatest of all is of the first sample (no pair more), or of the other
      // one (a pair with each of the first).
      std::vector<double>& sum = next[b];
      sum.assign(a * b + 1, 0);
      for (std::size_t u = 0; u < counts[b].size(); ++u) sum[u] += counts[b][u];
      if (b > 0)
        for (std::size_t u = 0; u < next[b - 1].size(); ++u) sum[u + a] += next[b - 1][u];
    }
    counts = std::move(next);
  }
  return counts[other_count];
}

bool are_far_apart(std::span<const double> one, std::span<const double> other,
                   std::size_t figure_count) {
  const auto [one_least, one_greatest] = std::ranges::minmax(one);
  const auto [other_least, other_greatest] = std::ranges::minmax(other);
  const double gap = std::max(other_least - one_greatest, one_least - other_greatest);
  const double width = std::max(one_greatest - one_least, other_greatest - other_least);
  return gap > 0 && gap >= width * widths_apart(std::min(one.size(), other.size()), figure_count);
}

}  // namespace

double mann_whitney_p(std::size_t one_count, std::size_t other_count, double u) {
  const auto counts = order_counts(one_count, other_count);
  const double all = std::accumulate(counts.begin(), counts.end(), 0.0);
  const double pairs = static_cast<double>(one_count * other_count);
  const auto extreme = static_cast<std::size_t>(std::ceil(std::min(u, pairs - u)));
  const double tail = std::accumulate(
      counts.begin(),
      counts.begin() + static_cast<std::ptrdiff_t>(std::min(extreme + 1, counts.size())), 0.0);
  return std::min(1.0, 2 * tail / all);
}

// How often two samples of one normal distribution are at least so many widths apart was
// found by drawing some millions: it falls by a power of the widths.
double widths_apart(std::size_t repeats, std::size_t figure_count) noexcept {
  struct Chance {
    double at_one_width, power;
  };
  const Chance chance = repeats <= 3   ? Chance{0.0076, 2.5}
                        : repeats == 4 ? Chance{0.0006, 3.4}
                                       : Chance{0.00005, 4};
  const double wanted = family_p / static_cast<double>(figure_count);
  return std::max(1.0, std::pow(chance.at_one_width / wanted, 1 / chance.power));
}

Difference difference_of(std::span<const double> one, std::span<const double> other,
                         std::size_t figure_count) {
  if (std::min(one.size(), other.size()) < least_repeats) return Difference::unknown;
  one = one.first(std::min(one.size(), most_repeats));
  other = other.first(std::min(other.size(), most_repeats));
  figure_count = std::max<std::size_t>(figure_count, 1);
  const double significant_p = family_p / static_cast<double>(figure_count);
  const bool can_be_significant = mann_whitney_p(one.size(), other.size(), 0) <= significant_p;
  const bool is_real =
      can_be_significant
          ? mann_whitney_p(one.size(), other.size(), pairs_in_order(one, other)) <= significant_p
          : are_far_apart(one, other, figure_count);
  return is_real ? Difference::real : Difference::none;
}

}  // namespace aio_bench
