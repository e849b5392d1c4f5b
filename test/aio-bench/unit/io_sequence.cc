// SPDX-License-Identifier: MIT
#include "loads/io_sequence.h"

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <map>
#include <set>

using namespace aio_bench;

BOOST_AUTO_TEST_SUITE(io_sequence)

namespace {

constexpr BlockSize block_4k{4096, 4096};

}  // namespace

BOOST_AUTO_TEST_CASE(sequential_goes_through_the_area_and_begins_again) {
  IoSequence sequence({false, 100}, block_4k, false, {8192, 3 * 4096}, 1);
  for (const std::int64_t offset : {8192, 12288, 16384, 8192, 12288}) {
    const auto io = sequence.next();
    BOOST_REQUIRE(io.has_value());
    BOOST_TEST(io->offset_bytes == offset);
    BOOST_TEST(io->size_bytes == 4096u);
    BOOST_TEST((io->operation == Operation::read));
  }
}

BOOST_AUTO_TEST_CASE(once_uses_each_block_once_in_random_order_and_ends) {
  for (const std::uint64_t block_count : {1, 2, 3, 100, 257, 4096}) {
    IoSequence sequence({true, 100}, block_4k, true, {0, block_count * 4096}, 5);
    std::set<std::int64_t> offsets;
    bool is_ascending = true;
    std::int64_t before = -1;
    while (const auto io = sequence.next()) {
      BOOST_TEST(offsets.insert(io->offset_bytes).second);
      is_ascending = is_ascending && io->offset_bytes > before;
      before = io->offset_bytes;
    }
    BOOST_TEST(offsets.size() == block_count);
    BOOST_TEST(*offsets.rbegin() == static_cast<std::int64_t>((block_count - 1) * 4096));
    BOOST_TEST((block_count < 100 || !is_ascending));
    BOOST_TEST(!sequence.next().has_value());
  }
}

BOOST_AUTO_TEST_CASE(random_reaches_every_block_about_equally) {
  constexpr int block_count = 50, io_count = 100'000;
  IoSequence sequence({true, 100}, block_4k, false, {0, block_count * 4096}, 9);
  std::map<std::int64_t, int> hits;
  for (int i = 0; i < io_count; ++i) ++hits[sequence.next()->offset_bytes];
  BOOST_TEST(hits.size() == static_cast<std::size_t>(block_count));
  for (const auto& [offset, count] : hits) {
    BOOST_TEST(offset % 4096 == 0);
    BOOST_TEST(std::abs(count - io_count / block_count) < 250);
  }
}

BOOST_AUTO_TEST_CASE(a_mix_has_its_share_of_reads) {
  for (const unsigned percent : {1U, 30U, 70U, 99U}) {
    IoSequence sequence({true, percent}, block_4k, false, {0, 1 << 20}, 2);
    int read_count = 0;
    for (int i = 0; i < 100'000; ++i) read_count += sequence.next()->operation == Operation::read;
    BOOST_TEST(std::abs(read_count - 1000 * static_cast<int>(percent)) < 600);
  }
}

BOOST_AUTO_TEST_CASE(drawn_sizes_are_multiples_all_as_often_and_stay_in_the_area) {
  constexpr std::uint64_t area_bytes = 40 * 4096;
  for (const bool is_random : {true, false}) {
    IoSequence sequence({is_random, 0}, {4096, 16384}, false, {4096, area_bytes}, 2);
    std::map<std::size_t, int> sizes;
    for (int i = 0; i < 40'000; ++i) {
      const auto io = sequence.next();
      BOOST_REQUIRE(io.has_value());
      BOOST_TEST((io->operation == Operation::write));
      BOOST_TEST(io->offset_bytes % 4096 == 0);
      BOOST_TEST(io->offset_bytes >= 4096);
      BOOST_TEST(static_cast<std::uint64_t>(io->offset_bytes) + io->size_bytes <=
                 4096 + area_bytes);
      ++sizes[io->size_bytes];
    }
    BOOST_TEST(sizes.size() == 4u);
    for (const auto& [size, count] : sizes) {
      BOOST_TEST(size % 4096 == 0u);
      BOOST_TEST(std::abs(count - 10'000) < 500);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_same_seed_is_the_same_work) {
  IoSequence one({true, 50}, {4096, 65536}, false, {0, 1 << 24}, 11);
  IoSequence other({true, 50}, {4096, 65536}, false, {0, 1 << 24}, 11);
  for (int i = 0; i < 1000; ++i) {
    const auto first = one.next(), second = other.next();
    BOOST_TEST(first->offset_bytes == second->offset_bytes);
    BOOST_TEST(first->size_bytes == second->size_bytes);
    BOOST_TEST((first->operation == second->operation));
  }
}

BOOST_AUTO_TEST_SUITE_END()
