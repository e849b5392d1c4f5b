// SPDX-License-Identifier: MIT
#pragma once

#include "base/random.h"
#include "engines/io_engine.h"
#include "loads/load.h"

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
  IoSequence(Load load, BlockSize block, bool once, Area area, std::uint64_t seed);

  // The next one, or nothing when all were used.
  std::optional<Io> next() noexcept;

 private:
  std::size_t draw_size() noexcept;
  std::uint64_t permuted(std::uint64_t index) const noexcept;

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
