// SPDX-License-Identifier: MIT
// What is known of every block of the area, and which are in use by an I/O.
#pragma once

#include "verify/block_check.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace aio_bench {

class Random;

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
  BlockRange take_random(Random& random, std::uint64_t wanted) noexcept;
  // The same at the place given, from its first block on.
  BlockRange take_at(std::uint64_t first, std::uint64_t wanted) noexcept;
  void give_back(const BlockRange& range) noexcept;

  // The write of this generation was acknowledged for the blocks.
  void acknowledge(const BlockRange& range, std::uint64_t generation) noexcept;
  // It was cancelled or failed: the blocks may hold it or not, or a part of it.
  void doubt(const BlockRange& range, std::uint64_t generation) noexcept;
  // A crash: anything later than what is known may have been written.
  void doubt_everything() noexcept;
  // The block was read and was right: that is what it has to show from now on.
  void settle(std::uint64_t block, const BlockVerdict& verdict) noexcept;

  std::uint64_t uncertain_count() const noexcept;

 private:
  std::vector<LegalGenerations> legal_;
  std::vector<bool> is_busy_;
};

}  // namespace aio_bench
