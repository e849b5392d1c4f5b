// SPDX-License-Identifier: MIT
#include "verify/block_map.h"

#include "base/random.h"

#include <algorithm>

namespace aio_bench {

namespace {

// With the area many times as large as what is in flight, few tries are needed.
constexpr int tries = 8;

}  // namespace

BlockRange BlockMap::take_at(std::uint64_t first, std::uint64_t wanted) noexcept {
  BlockRange range{.first = first};
  while (range.count < wanted && first + range.count < size() && !is_busy_[first + range.count])
    is_busy_[first + range.count++] = true;
  return range;
}

BlockRange BlockMap::take_random(Random& random, std::uint64_t wanted) noexcept {
  for (int i = 0; i < tries; ++i) {
    const BlockRange range = take_at(random.below(size()), wanted);
    if (range.count > 0) return range;
  }
  return {};
}

void BlockMap::give_back(const BlockRange& range) noexcept {
  for (std::uint64_t i = 0; i < range.count; ++i) is_busy_[range.first + i] = false;
}

void BlockMap::acknowledge(const BlockRange& range, std::uint64_t generation) noexcept {
  for (std::uint64_t i = 0; i < range.count; ++i)
    legal_[range.first + i] = {.oldest = generation, .newest = generation};
}

void BlockMap::doubt(const BlockRange& range, std::uint64_t generation) noexcept {
  for (std::uint64_t i = 0; i < range.count; ++i) {
    LegalGenerations& legal = legal_[range.first + i];
    legal.newest = std::max(legal.newest, generation);
  }
}

void BlockMap::doubt_everything() noexcept {
  for (auto& legal : legal_) legal.newest = LegalGenerations::no_limit;
}

void BlockMap::settle(std::uint64_t block, const BlockVerdict& verdict) noexcept {
  if (verdict.is_right && verdict.is_known)
    legal_[block] = {.oldest = verdict.oldest, .newest = verdict.newest};
}

std::uint64_t BlockMap::uncertain_count() const noexcept {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(legal_, [](const auto& legal) { return !legal.is_certain(); }));
}

}  // namespace aio_bench
