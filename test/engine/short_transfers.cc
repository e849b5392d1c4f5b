// SPDX-License-Identifier: MIT
// Direct transfers that end short, on sectors of every size.
#include <kaio/testing.h>

#include "support/pattern.h"
#include "support/place.h"

#include <kaio/engine.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <cstring>
#include <fcntl.h>
#include <string>

using support::Place;
using support::PlaceKind;

namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(short_transfers)

namespace {

constexpr std::size_t transfer_bytes = 64 << 10;
constexpr std::size_t count = 4;

}  // namespace

// Each of the smallest ones, too: a device does a sector, or fails.
BOOST_DATA_TEST_CASE(however_short_transfers_end_they_become_whole,
                     data::make(support::places_for_data()) * data::xrange(1, 6), name, seed) {
  const Place* const place = Place::get(name);
  if (place == nullptr) return;
  const kaio::File file(place->make_file(count * transfer_bytes).c_str(), {.flags = O_RDWR});
  kaio::testing::FaultyKernel kernel(
      {.seed = static_cast<std::uint64_t>(seed), .short_transfers = 0.7, .delay_turns_max = 3});
  kaio::Engine engine({.depth = 8, .kernel = &kernel});
  const std::size_t unit_bytes = std::max<std::size_t>(file.alignment().overwrite_bytes, 512);
  std::array<kaio::Operation, count> operations;
  std::array<kaio::Buffer, count> buffers;
  std::array<std::array<iovec, 3>, count> parts;
  for (kaio::Buffer& buffer : buffers) buffer = kaio::Buffer(transfer_bytes);
  const auto text = [&](std::size_t i) {
    return std::string_view(reinterpret_cast<const char*>(buffers[i].data()), transfer_bytes);
  };
  for (unsigned round = 0; round < 8; ++round) {
    for (std::size_t i = 0; i < count; ++i) {
      std::byte* const data = buffers[i].data();
      parts[i] = {{{data, unit_bytes},
                   {data + unit_bytes, 5 * unit_bytes},
                   {data + 6 * unit_bytes, transfer_bytes - 6 * unit_bytes}}};
      const std::size_t offset_bytes = i * transfer_bytes;
      const bool is_vectored = (round + i) % 2 == 0;
      if (round % 2 == 1) {
        std::memset(data, 0, transfer_bytes);
        is_vectored ? operations[i].readv(file, parts[i], offset_bytes)
                    : operations[i].read(file, data, transfer_bytes, offset_bytes);
      } else {
        support::pattern(transfer_bytes, offset_bytes, round)
            .copy(reinterpret_cast<char*>(data), transfer_bytes);
        is_vectored ? operations[i].writev(file, parts[i], offset_bytes)
                    : operations[i].write(file, data, transfer_bytes, offset_bytes);
      }
      engine.submit(operations[i]).or_throw();
    }
    engine.drain();
    for (std::size_t i = 0; i < count; ++i) {
      BOOST_REQUIRE(operations[i].result().value() == transfer_bytes);
      BOOST_REQUIRE(support::is_pattern(text(i), i * transfer_bytes, round & ~1u));
    }
  }
  if (file.is_direct()) BOOST_TEST(kernel.counts().shortened != 0U);

  for (int round = 0; round < 50; ++round) {  // nothing that could be left of these
    engine.submit(operations[0].read(file, buffers[0].data(), unit_bytes, unit_bytes)).or_throw();
    engine.drain();
    BOOST_REQUIRE(operations[0].result().value() == unit_bytes);
  }
}

BOOST_AUTO_TEST_SUITE_END()
