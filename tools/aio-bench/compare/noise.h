// SPDX-License-Identifier: MIT
// Whether two sets of repeats differ by more than noise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace aio_bench {

enum class Difference : std::uint8_t {
  unknown,  // fewer than three repeats on one side: their noise is not known
  none,     // could be noise
  real,
};

// The rule. With five or more repeats on each side (or as many in other shares): the
// exact two-sided Mann-Whitney test says that chance alone would give so clear an
// order less than once in a hundred times. It assumes nothing of how the figures are
// distributed. Three or four repeats cannot reach that whatever they show; then the
// two ranges have to be apart, by at least as much as the wider one is wide. (Of
// equal normal distributions three repeats on each side do so in 0.8 % of cases.)
Difference difference_of(std::span<const double> one, std::span<const double> other);

// The chance that samples of these sizes from one distribution are at least as
// clearly in order as `u` says: the number of pairs whose first member is the smaller
// one, ties counting half. Exact.
double mann_whitney_p(std::size_t one_count, std::size_t other_count, double u);

}  // namespace aio_bench
