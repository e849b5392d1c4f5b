// SPDX-License-Identifier: MIT
#include "loads/io_sequence.h"

#include <bit>

namespace aio_bench {

IoSequence::IoSequence(Load load, BlockSize block, bool once, Area area, std::uint64_t seed)
    : load_(load), block_(block), once_(once), area_(area),
      block_count_(area.size_bytes / block.least_bytes), seed_(seed),
      half_bits_(static_cast<int>(std::bit_width(block_count_) + 1) / 2), random_(seed) {}

std::optional<Io> IoSequence::next() noexcept {
  const std::size_t size_bytes = draw_size();
  const std::uint64_t blocks = size_bytes / block_.least_bytes;
  std::uint64_t first = 0;
  if (load_.is_random && !once_) {
    first = random_.below(block_count_ - blocks + 1);
  } else {
    if (position_ + blocks > block_count_) {
      if (once_) return std::nullopt;
      position_ = 0;
    }
    first = load_.is_random ? permuted(position_) : position_;
    position_ += blocks;
  }
  const bool is_read =
      load_.has_reads() && (!load_.has_writes() || random_.below(100) < load_.read_percent);
  return Io{
      .operation = is_read ? Operation::read : Operation::write,
      .offset_bytes = static_cast<std::int64_t>(area_.first_byte + first * block_.least_bytes),
      .size_bytes = size_bytes};
}

std::size_t IoSequence::draw_size() noexcept {
  const std::size_t steps = block_.greatest_bytes / block_.least_bytes;
  return steps == 1 ? block_.least_bytes : (random_.below(steps) + 1) * block_.least_bytes;
}

// A Feistel network of four rounds is a permutation of a power of 4; walking on
// until the result is a block makes it one of the blocks.
std::uint64_t IoSequence::permuted(std::uint64_t index) const noexcept {
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
