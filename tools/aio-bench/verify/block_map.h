// SPDX-License-Identifier: MIT
// What is known of every block of the area, and which are in use by an I/O.
#pragma once

#include "base/random.h"
#include "verify/block_check.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace aio_bench {

struct BlockRange {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

// Not thread-safe.
class BlockMap {
 public:
  explicit BlockMap(std::uint64_t block_count) : legal_(block_count), is_busy_(block_count) {}

  std::uint64_t size() const noexcept { return legal_.size(); }
  const LegalGenerations& legal(std::uint64_t block) const noexcept { return legal_[block]; }

  // Overlapping requests have no defined result, so no two I/Os in flight share a
  // block. Finds up to `wanted` free blocks in a row at a random place, and marks
  // them busy; none when the places looked at were all busy.
  BlockRange take_random(Random& random, std::uint64_t wanted) noexcept {
    for (int i = 0; i < tries; ++i) {
      const BlockRange range = take_at(random.below(size()), wanted);
      if (range.count > 0) return range;
    }
    return {};
  }
  // The same at the place given, from its first block on.
  BlockRange take_at(std::uint64_t first, std::uint64_t wanted) noexcept {
    BlockRange range{.first = first};
    while (range.count < wanted && first + range.count < size() && !is_busy_[first + range.count])
      is_busy_[first + range.count++] = true;
    return range;
  }
  void give_back(const BlockRange& range) noexcept {
    for (std::uint64_t i = 0; i < range.count; ++i) is_busy_[range.first + i] = false;
  }

  // The write of this generation was acknowledged for the blocks.
  void acknowledge(const BlockRange& range, std::uint64_t generation) noexcept {
    for (std::uint64_t i = 0; i < range.count; ++i)
      legal_[range.first + i] = {.oldest = generation, .newest = generation};
  }
  // It was cancelled or failed: the blocks may hold it or not, or a part of it.
  void doubt(const BlockRange& range, std::uint64_t generation) noexcept {
    for (std::uint64_t i = 0; i < range.count; ++i) {
      LegalGenerations& legal = legal_[range.first + i];
      legal.newest = std::max(legal.newest, generation);
    }
  }
  // A crash: anything later than what is known may have been written.
  void doubt_everything() noexcept {
    for (auto& legal : legal_) legal.newest = LegalGenerations::no_limit;
  }
  // The block was read and was right: that is what it has to show from now on.
  void settle(std::uint64_t block, const BlockVerdict& verdict) noexcept {
    if (verdict.is_right && verdict.is_known)
      legal_[block] = {.oldest = verdict.oldest, .newest = verdict.newest};
  }

  std::uint64_t uncertain_count() const noexcept {
    return static_cast<std::uint64_t>(
        std::ranges::count_if(legal_, [](const auto& legal) { return !legal.is_certain(); }));
  }

 private:
  // With the area many times as large as what is in flight, few tries are needed.
  static constexpr int tries = 8;

  std::vector<LegalGenerations> legal_;
  std::vector<bool> is_busy_;
};

}  // namespace aio_bench
