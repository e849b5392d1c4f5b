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

// The rule, of a comparison of `figure_count` figures: chance alone shows a difference in
// any of them less than once in a hundred times, so in each of them `figure_count` times
// as rarely (Bonferroni). Where the exact two-sided Mann-Whitney test can be that sure,
// it decides, and assumes nothing of how the figures are distributed: of one figure it
// takes five repeats on each side, of 64 figures eight. With fewer, the two ranges have
// to be apart, by at least as much as the wider one is wide, or more for what is still
// too likely then: see widths_apart().
Difference difference_of(std::span<const double> one, std::span<const double> other,
                         std::size_t figure_count = 1);

// By how many times the wider range two ranges have to be apart, of `repeats` (three or
// more) each.
double widths_apart(std::size_t repeats, std::size_t figure_count) noexcept;

// The chance that samples of these sizes from one distribution are at least as
// clearly in order as `u` says: the number of pairs whose first member is the smaller
// one, ties counting half. Exact.
double mann_whitney_p(std::size_t one_count, std::size_t other_count, double u);

}  // namespace aio_bench
