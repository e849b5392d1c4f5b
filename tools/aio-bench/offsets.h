// SPDX-License-Identifier: MIT
#pragma once

#include "load.h"
#include "random.h"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace aio_bench {

// Where each I/O of a measurement goes. Pure: the same seed gives the same
// places, so that every engine of a round gets the same ones.
class Offsets {
 public:
  // `once`: no block is used a second time, and the sequence ends after all. A
  // random sequence is then a permutation, else it is drawn with replacement.
  Offsets(Load load, bool once, std::uint64_t area_bytes, std::size_t block_bytes,
          std::uint64_t seed);

  // Byte offset of the next block, or nothing when all were used.
  std::optional<std::int64_t> next() noexcept;

 private:
  std::uint64_t permuted(std::uint64_t index) const noexcept;

  const Load load_;
  const bool once_;
  const std::uint64_t block_count_;
  const std::size_t block_bytes_;
  const std::uint64_t seed_;
  const int half_bits_;  // of the permutation's domain, a power of 4 that holds all blocks
  Random random_;
  std::uint64_t position_ = 0;
};

}  // namespace aio_bench
