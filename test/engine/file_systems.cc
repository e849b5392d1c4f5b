// SPDX-License-Identifier: MIT
// Transfers at depth, appends, ends of files, syncs and chains on every file system, by kernel AIO
// and by helper threads.
#include "model.h"

#include "support/aligned_buffer.h"
#include "support/checked.h"
#include "support/pattern.h"
#include "support/place.h"
#include "support/seed.h"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

using engine_test::check_against_model;
using engine_test::model_block_bytes;
using engine_test::model_blocks;
using kaio::Direct;
using support::Place;
using support::PlaceKind;

namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(file_systems)

namespace {

constexpr std::size_t block_bytes = 4096;

// From the device, past the cache.
std::string content_of(const std::string& path, std::size_t size_bytes) {
  const support::Fd fd(support::checked(::open(path.c_str(), O_RDONLY | O_CLOEXEC), path.c_str()));
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  std::string content(size_bytes, '\0');
  const ssize_t done = support::checked(::pread(fd.get(), content.data(), size_bytes, 0), "pread");
  content.resize(static_cast<std::size_t>(done));
  return content;
}

std::string_view text_of(const kaio::Buffer& buffer, std::size_t size_bytes) {
  return {reinterpret_cast<const char*>(buffer.data()), size_bytes};
}

// Blocks that are written one after the other, several at a time.
struct Appends {
  static constexpr std::size_t count = 8;

  explicit Appends(const kaio::File& to)
      : file(to), unit_bytes(std::max<std::size_t>(to.alignment().write_bytes, block_bytes)) {
    for (kaio::Buffer& buffer : buffers) buffer = kaio::Buffer(unit_bytes);
  }

  void run(kaio::Engine& engine, std::size_t total) {
    for (std::size_t first = 0; first < total; first += count) {
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t offset_bytes = (first + i) * unit_bytes;
        support::pattern(unit_bytes, offset_bytes)
            .copy(reinterpret_cast<char*>(buffers[i].data()), unit_bytes);
        engine.submit(operations[i].write(file, buffers[i].data(), unit_bytes, offset_bytes))
            .or_throw();
      }
      engine.drain();
      for (const kaio::Operation& operation : operations)
        BOOST_REQUIRE(operation.result().value() == unit_bytes);
    }
  }

  const kaio::File& file;
  const std::size_t unit_bytes;
  std::array<kaio::Buffer, count> buffers;
  std::array<kaio::Operation, count> operations;
};

}  // namespace

BOOST_DATA_TEST_CASE(a_random_mix_at_depth_leaves_what_was_written,
                     data::make(support::places_for_data()) * data::make({true, false}) *
                         data::make({true, false}),
                     name, is_direct, kernel_aio) {
  const Place* const place = Place::get(name);
  if (place == nullptr) return;
  const std::string path = place->make_file(model_block_bytes * model_blocks);
  std::string expected;
  {
    const kaio::File file(path.c_str(),
                          {.flags = O_RDWR, .direct = is_direct ? Direct::prefer : Direct::never});
    kaio::Engine engine({.depth = 8, .batch = 5, .kernel_aio = kernel_aio});
    BOOST_TEST(check_against_model(engine, file, support::seed(), &expected) == 0);
    kaio::Operation sync;
    engine.submit(sync.sync(file)).or_throw();
    engine.drain();
    BOOST_TEST(bool(sync.result()));
  }
  BOOST_TEST((content_of(path, expected.size()) == expected));
}

// It holds zeros, and takes writes.
BOOST_DATA_TEST_CASE(a_server_of_files_is_asked_by_every_way,
                     data::make({true, false}) * data::make({true, false}), is_direct, kernel_aio) {
  const Place* const place = Place::get({PlaceKind::fuse, 0});
  if (place == nullptr) return;
  const kaio::File file(place->make_file(0).c_str(),
                        {.flags = O_RDWR, .direct = is_direct ? Direct::prefer : Direct::never});
  kaio::Engine engine({.depth = 8, .kernel_aio = kernel_aio});
  std::array<kaio::Operation, 16> operations;
  std::array<kaio::Buffer, 16> buffers;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    buffers[i] = kaio::Buffer(block_bytes);
    std::memset(buffers[i].data(), 'x', block_bytes);
    if (i % 2 == 0) {
      operations[i].read(file, buffers[i].data(), block_bytes, i * block_bytes);
    } else {
      operations[i].write(file, buffers[i].data(), block_bytes, (64 + i) * block_bytes);
    }
    engine.submit(operations[i]).or_throw();
  }
  kaio::Operation sync;
  engine.submit(sync.datasync(file)).or_throw();
  engine.drain();
  for (std::size_t i = 0; i < operations.size(); ++i) {
    BOOST_TEST(operations[i].result().value() == block_bytes);
    if (i % 2 == 0) BOOST_TEST((text_of(buffers[i], block_bytes) == std::string(block_bytes, 0)));
  }
  BOOST_TEST(bool(sync.result()));
}

BOOST_DATA_TEST_CASE(appends_are_whole_with_and_without_preallocation,
                     data::make(support::places_for_data()) * data::make({true, false}) *
                         data::make({true, false}),
                     name, preallocates, kernel_aio) {
  constexpr std::size_t total = 64;
  const Place* const place = Place::get(name);
  if (place == nullptr || place->is(PlaceKind::device)) return;
  const std::string path = place->make_file(0);
  std::size_t size_bytes = 0;
  {
    kaio::File file(path.c_str(), {.flags = O_RDWR});
    Appends appends(file);
    size_bytes = total * appends.unit_bytes;
    if (preallocates) {
      const bool is_done = file.preallocate(0, size_bytes);
      BOOST_TEST(is_done == !place->is(PlaceKind::ramfs));
      if (!is_done) return;
      BOOST_TEST(file.size_bytes() == size_bytes);
    }
    kaio::Engine engine({.depth = 8, .kernel_aio = kernel_aio});
    appends.run(engine, total);
    const kaio::EngineStatistics statistics = engine.statistics();
    BOOST_TEST_MESSAGE(name << ": would block " << statistics.would_block << ", by threads "
                            << statistics.by_threads);
    // XFS's meet the ends of those before them, which hold a lock: how many is chance. btrfs
    // copies on writing, and overlay knows no RWF_NOWAIT.
    if (preallocates && kernel_aio && place->is(PlaceKind::ext4))
      BOOST_TEST(statistics.would_block < total / 2);
  }
  BOOST_TEST(support::is_pattern(content_of(path, size_bytes + 1)));
  BOOST_TEST(content_of(path, size_bytes + 1).size() == size_bytes);
}

BOOST_DATA_TEST_CASE(reads_across_an_end_that_is_at_no_sector_give_what_there_is,
                     data::make(support::places_for_data()) * data::make({true, false}) *
                         data::make({true, false}),
                     name, is_direct, kernel_aio) {
  const Place* const place = Place::get(name);
  if (place == nullptr || place->is(PlaceKind::device)) return;
  kaio::Engine engine({.depth = 8, .kernel_aio = kernel_aio});
  for (const std::size_t more_bytes : {1, 100, 511, 513, 4095}) {
    const std::size_t size_bytes = 3 * block_bytes + more_bytes;
    const kaio::File file(place->make_file(size_bytes).c_str(),
                          {.flags = O_RDWR, .direct = is_direct ? Direct::prefer : Direct::never});
    std::array<kaio::Operation, 6> reads;
    std::array<kaio::Buffer, 6> buffers;
    std::array<iovec, 2> parts{};
    for (std::size_t i = 0; i < reads.size(); ++i) {
      buffers[i] = kaio::Buffer(8 * block_bytes);
      if (i < 5) {
        reads[i].read(file, buffers[i].data(), buffers[i].size(), i * block_bytes);
      } else {
        parts = {{{buffers[i].data(), 2 * block_bytes},
                  {buffers[i].data() + 2 * block_bytes, 6 * block_bytes}}};
        reads[i].readv(file, parts, 0);
      }
      engine.submit(reads[i]).or_throw();
    }
    engine.drain();
    for (std::size_t i = 0; i < reads.size(); ++i) {
      const std::size_t offset_bytes = i < 5 ? i * block_bytes : 0;
      const std::size_t expected_bytes = size_bytes - std::min(offset_bytes, size_bytes);
      BOOST_TEST(reads[i].result().value() == expected_bytes);
      BOOST_TEST(support::is_pattern(text_of(buffers[i], expected_bytes), offset_bytes));
    }
  }
}

// The whole last sector is written by a direct write, and what is too much cut off afterwards.
BOOST_DATA_TEST_CASE(a_file_that_was_cut_at_no_sector_is_written_on_from_there,
                     data::make(support::places_for_data()) * data::make({true, false}), name,
                     kernel_aio) {
  const Place* const place = Place::get(name);
  if (place == nullptr || place->is(PlaceKind::device)) return;
  const std::string path = place->make_file(block_bytes);
  const kaio::File file(path.c_str(), {.flags = O_RDWR});
  kaio::Engine engine({.depth = 8, .kernel_aio = kernel_aio});
  kaio::Buffer buffer(block_bytes), other(2 * block_bytes);
  kaio::Operation operation;
  std::size_t size_bytes = block_bytes;
  for (const std::size_t cut_bytes : {4095, 4096 + 700, 2 * 4096 + 1}) {
    const std::size_t begin_bytes = cut_bytes / block_bytes * block_bytes;
    support::pattern(block_bytes, begin_bytes)
        .copy(reinterpret_cast<char*>(buffer.data()), block_bytes);
    engine.submit(operation.write(file, buffer.data(), block_bytes, begin_bytes)).or_throw();
    engine.drain();
    BOOST_TEST(operation.result().value() == block_bytes);
    BOOST_REQUIRE(::ftruncate(file.fd(), static_cast<off_t>(cut_bytes)) == 0);
    size_bytes = cut_bytes;
    BOOST_TEST(file.size_bytes() == size_bytes);
    engine.submit(operation.read(file, other.data(), other.size(), begin_bytes)).or_throw();
    engine.drain();
    BOOST_TEST(operation.result().value() == size_bytes - begin_bytes);
    BOOST_TEST(support::is_pattern(text_of(other, size_bytes - begin_bytes), begin_bytes));
    engine.submit(operation.write(file, buffer.data(), block_bytes, begin_bytes)).or_throw();
    engine.drain();
    BOOST_TEST(operation.result().value() == block_bytes);
    size_bytes = begin_bytes + block_bytes;
  }
  BOOST_TEST(support::is_pattern(content_of(path, size_bytes)));
}

BOOST_DATA_TEST_CASE(chains_of_writes_are_whole_and_synced,
                     data::make(support::places_for_data()) * data::make({true, false}) *
                         data::make({true, false}),
                     name, data_only, kernel_aio) {
  constexpr std::size_t write_count = 8;
  const Place* const place = Place::get(name);
  if (place == nullptr) return;
  const std::string path = place->make_file(write_count * block_bytes);
  {
    const kaio::File file(path.c_str(), {.flags = O_RDWR});
    kaio::Engine engine({.depth = 8, .kernel_aio = kernel_aio});
    kaio::Chain chain(file, data_only ? kaio::Chain::Sync::data : kaio::Chain::Sync::full);
    std::array<kaio::Operation, write_count> writes;
    std::array<kaio::Buffer, write_count> buffers;
    for (int round = 0; round < 3; ++round) {  // overwrites, and grows
      for (std::size_t i = 0; i < write_count; ++i) {
        const std::size_t offset_bytes =
            (place->is(PlaceKind::device) ? i : i * static_cast<std::size_t>(round + 1)) *
            block_bytes;
        if (round == 0) buffers[i] = kaio::Buffer(block_bytes);
        support::pattern(block_bytes, offset_bytes, 7)
            .copy(reinterpret_cast<char*>(buffers[i].data()), block_bytes);
        chain.add(writes[i].write(file, buffers[i].data(), block_bytes, offset_bytes));
      }
      engine.submit(chain).or_throw();
      while (!chain.is_idle()) engine.wait();
      BOOST_TEST(chain.result().value() == write_count * block_bytes);
    }
    BOOST_TEST(!file.sync_has_failed());
  }
  BOOST_TEST(support::is_pattern(content_of(path, write_count * block_bytes), 0, 7));
}

BOOST_AUTO_TEST_SUITE_END()
