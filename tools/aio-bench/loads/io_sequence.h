// SPDX-License-Identifier: MIT
#pragma once

#include "base/random.h"
#include "engines/io_engine.h"
#include "loads/load.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace aio_bench {

// The part of the target that a sequence goes to.
struct Area {
  std::uint64_t first_byte = 0;
  std::uint64_t size_bytes = 0;
};

struct Io {
  Operation operation = Operation::read;
  std::int64_t offset_bytes = 0;
  std::size_t size_bytes = 0;
};

// What each I/O of a job is. Pure: the same seed gives the same ones, so that
// every engine of a round has the same work.
class IoSequence {
 public:
  // The area holds a block. `once`, for a block of one size: none is used a second
  // time, and the sequence ends after all. A random one is then a permutation,
  // else it is drawn with replacement.
  IoSequence(Load load, BlockSize block, bool once, Area area, std::uint64_t seed)
      : load_(load), block_(block), once_(once), area_(area),
        block_count_(area.size_bytes / block.least_bytes), seed_(seed),
        half_bits_(static_cast<int>(std::bit_width(block_count_) + 1) / 2), random_(seed) {}

  // The next one, or nothing when all were used.
  std::optional<Io> next() noexcept {
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

 private:
  std::size_t draw_size() noexcept {
    const std::size_t steps = block_.greatest_bytes / block_.least_bytes;
    return steps == 1 ? block_.least_bytes : (random_.below(steps) + 1) * block_.least_bytes;
  }

  // A Feistel network of four rounds is a permutation of a power of 4; walking on
  // until the result is a block makes it one of the blocks.
  std::uint64_t permuted(std::uint64_t index) const noexcept {
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

  const Load load_;
  const BlockSize block_;
  const bool once_;
  const Area area_;
  const std::uint64_t block_count_;  // of the least size
  const std::uint64_t seed_;
  const int half_bits_;  // of the permutation's domain, a power of 4 that holds all blocks
  Random random_;
  std::uint64_t position_ = 0;  // in blocks of the least size
};

}  // namespace aio_bench
