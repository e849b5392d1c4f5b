// SPDX-License-Identifier: MIT
#include "offsets.h"

#include <bit>

namespace aio_bench {

Offsets::Offsets(Load load, bool once, std::uint64_t area_bytes, std::size_t block_bytes,
                 std::uint64_t seed)
    : load_(load),
      once_(once),
      block_count_(area_bytes / block_bytes),
      block_bytes_(block_bytes),
      seed_(seed),
      half_bits_(static_cast<int>(std::bit_width(block_count_) + 1) / 2),
      random_(seed) {}

std::optional<std::int64_t> Offsets::next() noexcept {
  std::uint64_t block = 0;
  if (load_.is_random && !once_) {
    block = random_.below(block_count_);
  } else {
    if (position_ == block_count_) {
      if (once_) return std::nullopt;
      position_ = 0;
    }
    block = load_.is_random ? permuted(position_) : position_;
    ++position_;
  }
  return static_cast<std::int64_t>(block * block_bytes_);
}

// A Feistel network of four rounds is a permutation of a power of 4; walking on
// until the result is a block makes it one of the blocks.
std::uint64_t Offsets::permuted(std::uint64_t index) const noexcept {
  const std::uint64_t mask = (UINT64_C(1) << half_bits_) - 1;
  do {
    std::uint64_t left = index >> half_bits_;
    std::uint64_t right = index & mask;
    for (std::uint64_t round = 0; round < 4; ++round) {
      const std::uint64_t mixed = left ^ (Random::mix(right + seed_ + (round << 60)) & mask);
      left = right;
      right = mixed;
    }
    index = left << half_bits_ | right;
  } while (index >= block_count_);
  return index;
}

}  // namespace aio_bench
