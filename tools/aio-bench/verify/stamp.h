// SPDX-License-Identifier: MIT
// What verify writes. A block is a row of stamps: pieces of at most 512 bytes,
// which no device tears, each saying on its own where it belongs, which write it
// came with, and whether it is whole.
//
//   word 0    a magic number          word 3       the run
//   word 1    its offset in bytes     words 4...   random, made from words 1 to 3
//   word 2    the generation          last word    checksum of all words before it
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace aio_bench {

constexpr std::size_t least_stamp_bytes = 64;

// The length of the stamps in blocks of this size, a multiple of 64.
std::size_t stamp_bytes_for(std::size_t block_bytes) noexcept;

struct StampMaker {
  std::uint64_t run = 0;
  std::size_t stamp_bytes = 512;

  // Fills `data`, which begins at `offset_bytes` of the target, with stamps of one
  // generation. `data` is 8-byte aligned and a whole number of stamps long.
  void fill(std::span<std::byte> data, std::uint64_t offset_bytes,
            std::uint64_t generation) const noexcept;
};

struct StampHeader {
  std::uint64_t offset_bytes = 0;
  std::uint64_t generation = 0;
  std::uint64_t run = 0;
};

// The header of a stamp that is whole; false when it is none, or damaged.
bool read_stamp(std::span<const std::byte> stamp, StampHeader& header) noexcept;

// Makes read_stamp() fail on all of them: a read that claims to have filled the
// buffer and did not is found out.
void spoil_stamps(std::span<std::byte> data, std::size_t stamp_bytes) noexcept;

}  // namespace aio_bench
