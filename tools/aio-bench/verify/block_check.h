// SPDX-License-Identifier: MIT
// Judges what was read back, one block at a time.
#pragma once

#include "verify/stamp.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

namespace aio_bench {

// Which writes a block may show. Generations only grow, so it is a range: from the
// last write that was acknowledged to the last that was tried. They are the same
// when nothing is in doubt. A cancelled write leaves doubt until the block is read,
// a crash leaves it without an end.
struct LegalGenerations {
  static constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

  std::uint64_t oldest = 0;  // 0: nothing was acknowledged, anything may be there
  std::uint64_t newest = 0;

  bool is_certain() const noexcept { return oldest == newest; }
  bool includes(std::uint64_t generation) const noexcept {
    return generation >= oldest && generation <= newest;
  }
};

// What a stamp that should not be there looks like.
enum class Looks : std::uint8_t {
  right,
  zeros,
  one_byte,       // one value repeated, as 0xff
  older_write,    // of this place: a write was lost, or came back
  late_write,     // of this place: one that was cancelled, and done all the same
  other_place,    // of another place in this run
  other_run,      // of an earlier run
  damaged,        // nearly what was expected
  foreign,        // nothing that verify ever wrote
  not_filled_in,  // the read did not touch the buffer
};

struct Mismatch {
  std::uint64_t offset_bytes = 0;  // of the first stamp that is wrong
  std::uint64_t block_offset_bytes = 0;
  std::size_t wrong_stamps = 0;  // of the block
  std::size_t stamps = 0;
  LegalGenerations legal;
  Looks looks = Looks::right;
  StampHeader found{};              // of a whole stamp
  std::uint8_t byte = 0;            // one_byte
  std::size_t differing_bytes = 0;  // damaged: against the expected write
  std::size_t differing_bits = 0;
  std::size_t first_difference = 0;  // from the stamp's beginning
  std::uint8_t expected_byte = 0, found_byte = 0;

  // A part of the block is one write, a part another.
  bool is_torn() const noexcept;
  // Two lines, without the last newline.
  std::string text() const;
};

struct BlockVerdict {
  bool is_right = true;
  bool is_known = false;  // each stamp is of this run and place: the range below is exact
  std::uint64_t oldest = 0, newest = 0;  // generations seen, when right and known
  Mismatch mismatch{};
};

// `block` was read at `offset_bytes`.
BlockVerdict check_block(std::span<const std::byte> block, std::uint64_t offset_bytes,
                         const LegalGenerations& legal, const StampMaker& maker);

}  // namespace aio_bench
