// SPDX-License-Identifier: MIT
#include "verify/block_check.h"

#include <algorithm>
#include <array>
#include <bit>
#include <fmt/format.h>

namespace aio_bench {

namespace {

// More differing bytes than this share of a stamp are no damage but other data.
constexpr std::size_t damage_divisor = 4;

bool is_filled_with(std::span<const std::byte> data, std::byte value) {
  return std::ranges::all_of(data, [value](std::byte byte) { return byte == value; });
}

// Compares with what the newest acknowledged write had put there.
bool looks_damaged(std::span<const std::byte> stamp, const StampMaker& maker, Mismatch& mismatch) {
  alignas(std::uint64_t) std::array<std::byte, 512> expected_bytes;
  const std::span expected(expected_bytes.data(), stamp.size());
  maker.fill(expected, mismatch.offset_bytes, mismatch.legal.oldest);
  mismatch.differing_bytes = mismatch.differing_bits = 0;
  for (std::size_t at = 0; at < stamp.size(); ++at) {
    const auto difference = static_cast<std::uint8_t>(stamp[at] ^ expected[at]);
    if (difference == 0) continue;
    mismatch.differing_bits += static_cast<std::size_t>(std::popcount(difference));
    if (mismatch.differing_bytes++ != 0) continue;
    mismatch.first_difference = at;
    mismatch.expected_byte = static_cast<std::uint8_t>(expected[at]);
    mismatch.found_byte = static_cast<std::uint8_t>(stamp[at]);
  }
  return mismatch.differing_bytes <= stamp.size() / damage_divisor;
}

Looks look_at(std::span<const std::byte> stamp, const StampMaker& maker, Mismatch& mismatch) {
  StampHeader& found = mismatch.found;
  if (read_stamp(stamp, found)) {
    if (found.run != maker.run) return Looks::other_run;
    if (found.offset_bytes != mismatch.offset_bytes) return Looks::other_place;
    return found.generation < mismatch.legal.oldest ? Looks::older_write : Looks::late_write;
  }
  mismatch.byte = static_cast<std::uint8_t>(stamp[0]);
  if (is_filled_with(stamp, stamp[0])) return mismatch.byte == 0 ? Looks::zeros : Looks::one_byte;
  if (is_filled_with(stamp.first(sizeof(std::uint64_t)), std::byte{0xfe}))
    return Looks::not_filled_in;
  return looks_damaged(stamp, maker, mismatch) ? Looks::damaged : Looks::foreign;
}

std::string looks_text(const Mismatch& mismatch) {
  const StampHeader& found = mismatch.found;
  switch (mismatch.looks) {
    case Looks::zeros:
      return "zeros";
    case Looks::one_byte:
      return fmt::format("bytes of {:#04x} only", mismatch.byte);
    case Looks::older_write:
      return fmt::format("generation {}, an older write: a later one was lost, or this came late",
                         found.generation);
    case Looks::late_write:
      return fmt::format(
          "generation {}, which should not be there: a write that was cancelled, and done "
          "afterwards",
          found.generation);
    case Looks::other_place:
      return fmt::format("the data of offset {:#x}, generation {}", found.offset_bytes,
                         found.generation);
    case Looks::other_run:
      return fmt::format("what an earlier run wrote to offset {:#x}, generation {}",
                         found.offset_bytes, found.generation);
    case Looks::damaged:
      return fmt::format(
          "it damaged: {} {} differ ({} bits), the first at {:#x}: {:#04x} instead of {:#04x}",
          mismatch.differing_bytes, mismatch.differing_bytes == 1 ? "byte" : "bytes",
          mismatch.differing_bits, mismatch.offset_bytes + mismatch.first_difference,
          mismatch.found_byte, mismatch.expected_byte);
    case Looks::not_filled_in:
      return "a buffer that the read did not fill";
    default:
      return "data that aio-bench did not write";
  }
}

std::string legal_text(const LegalGenerations& legal) {
  if (legal.is_certain()) return fmt::format("generation {}", legal.oldest);
  if (legal.newest == LegalGenerations::no_limit)
    return fmt::format("generation {} or later", legal.oldest);
  return fmt::format("a generation from {} to {}", legal.oldest, legal.newest);
}

}  // namespace

bool Mismatch::is_torn() const noexcept {
  return wrong_stamps < stamps && looks != Looks::damaged && looks != Looks::foreign;
}

std::string Mismatch::text() const {
  return fmt::format(
      "offset {:#x} ({}), {} of {} pieces of the block at {:#x}:\n"
      "    expected {}, found {}{}",
      offset_bytes, offset_bytes, wrong_stamps, stamps, block_offset_bytes, legal_text(legal),
      looks_text(*this), is_torn() ? "; the block is torn" : "");
}

BlockVerdict check_block(std::span<const std::byte> block, std::uint64_t offset_bytes,
                         const LegalGenerations& legal, const StampMaker& maker) {
  BlockVerdict verdict{.is_known = true, .oldest = LegalGenerations::no_limit};
  Mismatch& mismatch = verdict.mismatch;
  mismatch.stamps = block.size() / maker.stamp_bytes;
  mismatch.block_offset_bytes = offset_bytes;
  mismatch.legal = legal;
  for (std::size_t at = 0; at < block.size(); at += maker.stamp_bytes) {
    const auto stamp = block.subspan(at, maker.stamp_bytes);
    StampHeader header;
    const bool is_of_here = read_stamp(stamp, header) && header.run == maker.run &&
                            header.offset_bytes == offset_bytes + at;
    if (is_of_here && legal.includes(header.generation)) {
      verdict.oldest = std::min(verdict.oldest, header.generation);
      verdict.newest = std::max(verdict.newest, header.generation);
      continue;
    }
    verdict.is_known = false;
    if (legal.oldest == 0) continue;
    verdict.is_right = false;
    if (mismatch.wrong_stamps++ != 0) continue;
    mismatch.offset_bytes = offset_bytes + at;
    mismatch.looks = look_at(stamp, maker, mismatch);
  }
  return verdict;
}

}  // namespace aio_bench
