// SPDX-License-Identifier: MIT
// What aio-bench verify says of a block that was read.
#include "verify/block_check.h"

#include "verify/block_map.h"
#include "verify/journal.h"

#include <boost/test/unit_test.hpp>

#include <cstring>
#include <vector>

using namespace aio_bench;

BOOST_AUTO_TEST_SUITE(block_check)

namespace {

constexpr std::size_t block_bytes = 4096;
constexpr std::uint64_t offset_bytes = 1 << 20;
const StampMaker maker{.run = 4711, .stamp_bytes = stamp_bytes_for(block_bytes)};

struct Block {
  alignas(8) std::byte bytes[block_bytes];

  explicit Block(std::uint64_t generation, std::uint64_t offset = offset_bytes,
                 const StampMaker& by = maker) {
    by.fill(bytes, offset, generation);
  }
  BlockVerdict verdict(std::uint64_t oldest, std::uint64_t newest) const {
    return check_block(bytes, offset_bytes, {.oldest = oldest, .newest = newest}, maker);
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_acknowledged_write_is_right) {
  const auto verdict = Block(7).verdict(7, 7);
  BOOST_TEST(verdict.is_right);
  BOOST_TEST(verdict.is_known);
  BOOST_TEST(verdict.newest == 7U);
}

BOOST_AUTO_TEST_CASE(a_cancelled_write_may_be_there_or_not) {
  for (const std::uint64_t generation : {7U, 9U})
    BOOST_TEST(Block(generation).verdict(7, 9).is_right);
  BOOST_TEST(!Block(6).verdict(7, 9).is_right);
}

BOOST_AUTO_TEST_CASE(a_write_after_its_cancellation_was_seen_is_late) {
  const auto verdict = Block(9).verdict(7, 7);
  BOOST_TEST(!verdict.is_right);
  BOOST_TEST((verdict.mismatch.looks == Looks::late_write));
}

BOOST_AUTO_TEST_CASE(a_cancelled_write_may_be_there_in_parts) {
  Block block(7);
  std::memcpy(block.bytes, Block(9).bytes, 1024);
  const auto verdict = block.verdict(7, 9);
  BOOST_TEST(verdict.is_right);
  BOOST_TEST(verdict.oldest == 7U);
  BOOST_TEST(verdict.newest == 9U);
  BOOST_TEST(block.verdict(9, 9).mismatch.is_torn());
}

BOOST_AUTO_TEST_CASE(every_single_bit_counts) {
  Block block(7);
  for (std::size_t bit = 0; bit < block_bytes * 8; bit += 61) {
    block.bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    const auto verdict = block.verdict(7, 7);
    BOOST_REQUIRE(!verdict.is_right);
    BOOST_REQUIRE((verdict.mismatch.looks == Looks::damaged));
    BOOST_REQUIRE(verdict.mismatch.differing_bits == 1U);
    BOOST_REQUIRE(verdict.mismatch.offset_bytes + verdict.mismatch.first_difference ==
                  offset_bytes + bit / 8);
    block.bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
  }
}

BOOST_AUTO_TEST_CASE(what_else_may_be_found) {
  const auto looks = [](const Block& block) { return block.verdict(7, 7).mismatch.looks; };
  BOOST_TEST((looks(Block(6)) == Looks::older_write));
  BOOST_TEST((looks(Block(7, 0)) == Looks::other_place));
  BOOST_TEST((looks(Block(7, offset_bytes, {.run = 1, .stamp_bytes = 512})) == Looks::other_run));
  Block block(7);
  spoil_stamps(block.bytes, maker.stamp_bytes);
  BOOST_TEST((looks(block) == Looks::not_filled_in));
  std::memset(block.bytes, 0, block_bytes);
  BOOST_TEST((looks(block) == Looks::zeros));
  std::memset(block.bytes, 0xff, block_bytes);
  BOOST_TEST((looks(block) == Looks::one_byte));
}

BOOST_AUTO_TEST_CASE(where_nothing_is_known_anything_is_right) {
  Block block(7);
  std::memset(block.bytes, 0, block_bytes);
  const auto verdict = block.verdict(0, LegalGenerations::no_limit);
  BOOST_TEST(verdict.is_right);
  BOOST_TEST(!verdict.is_known);
}

BOOST_AUTO_TEST_CASE(stamps_fit_the_block) {
  BOOST_TEST(stamp_bytes_for(4096) == 512U);
  BOOST_TEST(stamp_bytes_for(1088) == 64U);
  BOOST_TEST(stamp_bytes_for(256) == 256U);
}

BOOST_AUTO_TEST_CASE(ranges_in_use_are_never_given_out_again) {
  BlockMap blocks(10);
  const auto first = blocks.take_at(3, 4);
  BOOST_TEST(first.count == 4U);
  BOOST_TEST(blocks.take_at(1, 5).count == 2U);
  BOOST_TEST(blocks.take_at(5, 1).count == 0U);
  blocks.give_back(first);
  BOOST_TEST(blocks.take_at(5, 1).count == 1U);
}

BOOST_AUTO_TEST_CASE(a_line_of_the_journal_that_changed_is_refused) {
  const std::string line =
      journal_line({.kind = 'a', .number = 123456, .range = {.first = 77, .count = 8}});
  JournalLine read;
  BOOST_TEST(parse_journal_line(line.substr(0, line.size() - 1), read));
  BOOST_TEST(read.number == 123456U);
  BOOST_TEST(read.range.first == 77U);
  BOOST_TEST(read.range.count == 8U);
  for (std::size_t length = 0; length + 1 < line.size(); ++length)
    BOOST_TEST(!parse_journal_line(line.substr(0, length), read));
  for (std::size_t at = 0; at + 1 < line.size(); ++at) {
    std::string changed = line.substr(0, line.size() - 1);
    changed[at] = changed[at] == '4' ? '5' : '4';
    BOOST_TEST(!parse_journal_line(changed, read));
  }
}

BOOST_AUTO_TEST_SUITE_END()
