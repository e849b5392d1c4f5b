// SPDX-License-Identifier: MIT
// The engine over a kernel that misbehaves, as programs can test themselves with it.
#include <kaio/engine/group_commit.h>
#include <kaio/testing.h>

#include "support/precondition.h"
#include "support/temporary_file.h"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/fs.h>
#include <memory>
#include <random>
#include <string>
#include <vector>

using kaio::EngineError;
using kaio::testing::FaultOptions;
using kaio::testing::FaultyKernel;

namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(faulty_kernel, *support::with_direct_io())

namespace {

constexpr std::size_t block_bytes = 4096;
constexpr std::size_t block_count = 64;

struct Disk {
  explicit Disk(const FaultOptions& faults, unsigned depth = 16)
      : kernel(faults), engine({.depth = depth, .kernel = &kernel}) {}

  const support::TemporaryFile temporary{block_bytes * block_count};
  kaio::File file{temporary.path().c_str(), {.flags = O_RDWR, .direct = kaio::Direct::require}};
  FaultyKernel kernel;
  kaio::Engine engine;
};

std::error_code error_of(int error_number) { return {error_number, std::system_category()}; }

// Operations of a block each, with what they are to have when they are over.
struct Block {
  kaio::Operation operation;
  kaio::Buffer buffer{block_bytes};
  int end_count = 0;

  Block() {
    operation.on_completion(
        [](kaio::Operation& ended) { ++static_cast<Block*>(ended.context())->end_count; }, this);
  }
};

}  // namespace

// Short, late, in another order, refused, and would block: no byte is wrong all the same.
BOOST_DATA_TEST_CASE(whatever_it_does_transfers_are_whole, data::xrange(1, 41), seed) {
  Disk disk({.seed = static_cast<std::uint64_t>(seed),
             .short_transfers = 0.3,
             .refusals = 0.2,
             .would_block = 0.2,
             .delay_turns_max = 5});
  std::mt19937 chance(static_cast<unsigned>(seed));
  std::string model = disk.temporary.content();
  std::vector<std::unique_ptr<Block>> blocks;
  for (std::size_t i = 0; i < block_count; ++i) blocks.push_back(std::make_unique<Block>());
  for (int round = 0; round < 4; ++round) {
    for (std::size_t i = 0; i < block_count; ++i) {
      Block& block = *blocks[i];
      if (chance() % 2 == 0) {
        std::memset(block.buffer.data(), static_cast<int>(chance() % 256), block_bytes);
        std::memcpy(model.data() + i * block_bytes, block.buffer.data(), block_bytes);
        block.operation.write(disk.file, block.buffer.data(), block_bytes, i * block_bytes);
      } else {
        block.operation.read(disk.file, block.buffer.data(), block_bytes, i * block_bytes);
      }
      disk.engine.submit(block.operation).or_throw();
    }
    disk.engine.drain();
    for (std::size_t i = 0; i < block_count; ++i) {
      Block& block = *blocks[i];
      BOOST_REQUIRE(block.end_count == round + 1);
      BOOST_REQUIRE(block.operation.result().value() == block_bytes);
      BOOST_REQUIRE(std::memcmp(block.buffer.data(), model.data() + i * block_bytes, block_bytes) ==
                    0);
    }
  }
  BOOST_TEST(disk.temporary.content() == model);
  const FaultyKernel::Counts counts = disk.kernel.counts();
  BOOST_TEST(counts.shortened != 0);
  BOOST_TEST(counts.refused != 0);
  BOOST_TEST(counts.would_block != 0);
}

BOOST_AUTO_TEST_CASE(the_same_seed_does_the_same) {
  const auto run = [](std::uint64_t seed) {
    Disk disk({.seed = seed, .short_transfers = 0.5, .errors = 0.2, .delay_turns_max = 3});
    Block block;
    std::string outcome;
    for (int i = 0; i < 100; ++i) {
      block.operation.read(disk.file, block.buffer.data(), block_bytes, 0);
      disk.engine.submit(block.operation).or_throw();
      disk.engine.drain();
      outcome += block.operation.result() ? 'w' : 'e';
    }
    return outcome + std::to_string(disk.kernel.counts().shortened);
  };
  BOOST_TEST(run(7) == run(7));
  BOOST_TEST(run(7) != run(8));
}

// Of a batch of so many, io_submit stops at each of them, with each error.
BOOST_DATA_TEST_CASE(a_refusal_is_the_result_of_the_one_that_was_refused,
                     data::make({EBADF, EFAULT, ENXIO}) * data::make({1, 2, 3, 7, 16}),
                     error_number, count) {
  for (int refused = 0; refused < count; ++refused) {
    Disk disk({});
    disk.kernel.refuse(static_cast<std::uint64_t>(refused), error_number);
    std::vector<std::unique_ptr<Block>> blocks;
    for (int i = 0; i < count; ++i) {
      blocks.push_back(std::make_unique<Block>());
      Block& block = *blocks.back();
      disk.engine.submit(block.operation.read(disk.file, block.buffer.data(), block_bytes, 0))
          .or_throw();
    }
    disk.engine.drain();
    for (int i = 0; i < count; ++i) {
      const Block& block = *blocks[static_cast<std::size_t>(i)];
      BOOST_REQUIRE(block.end_count == 1);
      BOOST_REQUIRE((block.operation.result().error() ==
                     (i == refused ? error_of(error_number) : std::error_code())));
    }
  }
}

// EAGAIN of io_submit means that there is no room: nobody is told of it.
BOOST_DATA_TEST_CASE(a_full_ring_is_waited_for, data::make({2, 3, 7, 16}), count) {
  for (int refused = 1; refused < count; ++refused) {
    Disk disk({.delay_turns_max = 3});
    disk.kernel.refuse(static_cast<std::uint64_t>(refused), EAGAIN);
    std::vector<std::unique_ptr<Block>> blocks;
    for (int i = 0; i < count; ++i) {
      blocks.push_back(std::make_unique<Block>());
      Block& block = *blocks.back();
      disk.engine.submit(block.operation.read(disk.file, block.buffer.data(), block_bytes, 0))
          .or_throw();
    }
    disk.engine.drain();
    for (const auto& block : blocks)
      BOOST_REQUIRE(block->operation.result().value() == block_bytes);
    BOOST_REQUIRE(disk.kernel.counts().refused == 1);
  }
}

BOOST_DATA_TEST_CASE(a_write_that_fails_breaks_its_chain_before_the_sync, data::xrange(0, 5),
                     failed) {
  Disk disk({.reorder = false});
  disk.kernel.fail(static_cast<std::uint64_t>(failed), EIO);
  std::vector<std::unique_ptr<Block>> blocks;
  kaio::Chain chain(disk.file);
  for (std::size_t i = 0; i < 5; ++i) {
    blocks.push_back(std::make_unique<Block>());
    Block& block = *blocks.back();
    chain.add(block.operation.write(disk.file, block.buffer.data(), block_bytes, i * block_bytes));
  }
  disk.engine.submit(chain).or_throw();
  disk.engine.drain();
  BOOST_TEST((chain.result().error() == error_of(EIO)));
  for (const auto& block : blocks) BOOST_TEST(block->end_count == 1);
  BOOST_TEST(disk.kernel.counts().completed == 5);  // no sync
  BOOST_TEST(!disk.file.sync_has_failed());
}

BOOST_AUTO_TEST_CASE(a_sync_that_fails_is_the_last_one_until_it_is_forgiven) {
  Disk disk({});
  disk.kernel.fail_sync(EIO);
  Block block;
  kaio::Chain chain(disk.file);
  const auto commit = [&]() -> std::error_code {
    chain.add(block.operation.write(disk.file, block.buffer.data(), block_bytes, 0));
    if (const kaio::Refusal refusal = disk.engine.submit(chain)) return refusal;
    disk.engine.drain();
    return chain.result().error();
  };
  BOOST_TEST((commit() == error_of(EIO)));
  BOOST_TEST(disk.file.sync_has_failed());
  BOOST_TEST((commit() == EngineError::sync_failed_before));
  disk.file.forgive();
  BOOST_TEST(!disk.engine.submit(chain));  // what was refused is still in it
  disk.engine.drain();
  BOOST_TEST(bool(chain.result()));
}

// The sync of a chain covers what its writes wrote, in whatever order they end.
BOOST_DATA_TEST_CASE(a_chain_is_durable_when_it_has_ended, data::xrange(1, 31), seed) {
  Disk disk({.seed = static_cast<std::uint64_t>(seed),
             .short_transfers = 0.4,
             .refusals = 0.2,
             .delay_turns_max = 6});
  std::vector<std::unique_ptr<Block>> blocks;
  kaio::Chain chain(disk.file);
  for (std::size_t i = 0; i < 8; ++i) {
    blocks.push_back(std::make_unique<Block>());
    Block& block = *blocks.back();
    std::memset(block.buffer.data(), 'a' + static_cast<int>(i), block_bytes);
    chain.add(block.operation.write(disk.file, block.buffer.data(), block_bytes, i * block_bytes));
  }
  disk.engine.submit(chain).or_throw();
  while (!chain.is_idle()) disk.engine.wait();
  disk.kernel.cut_power();
  BOOST_TEST(chain.result().value() == 8 * block_bytes);
  disk.kernel.lose_unsynced();
  const std::string content = disk.temporary.content();
  for (std::size_t i = 0; i < 8; ++i)
    BOOST_REQUIRE(content.compare(i * block_bytes, block_bytes,
                                  std::string(block_bytes, static_cast<char>('a' + i))) == 0);
}

// A power cut at any moment: what the log called durable is there.
BOOST_DATA_TEST_CASE(a_log_keeps_what_it_acknowledged, data::xrange(1, 61), seed) {
  FaultyKernel kernel({.seed = static_cast<std::uint64_t>(seed),
                       .short_transfers = 0.2,
                       .refusals = 0.1,
                       .delay_turns_max = 4});
  const support::TemporaryFile temporary;
  struct Record : kaio::Commit {
    std::string text;
  };
  std::vector<std::unique_ptr<Record>> records;
  std::vector<const Record*> acknowledged;
  {
    kaio::Engine engine({.kernel = &kernel});
    const kaio::File file(temporary.path().c_str(),
                          {.flags = O_RDWR, .direct = kaio::Direct::require});
    kaio::GroupCommit log(engine, file, {.durability = static_cast<kaio::Durability>(seed % 3)});
    std::mt19937 chance(static_cast<unsigned>(seed));
    for (int i = 0; i < 200; ++i) {
      records.push_back(std::make_unique<Record>());
      Record& record = *records.back();
      record.text = std::to_string(i) + std::string(chance() % 3000, 'r');
      record.set_record(std::as_bytes(std::span(record.text)));
      log.append(record).or_throw();
      if (chance() % 3 == 0) engine.poll();
    }
    const std::size_t turns = chance() % 40;
    for (std::size_t turn = 0; turn < turns; ++turn) engine.poll();
    for (const auto& record : records)
      if (record->result() && record->result().size_bytes() != 0)
        acknowledged.push_back(record.get());
    kernel.cut_power();
    engine.drain();
  }
  kernel.lose_unsynced();
  const std::string content = temporary.content();
  for (const Record* record : acknowledged)
    BOOST_REQUIRE(content.compare(record->position_bytes(), record->text.size(), record->text) ==
                  0);
}

// Otherwise the tests above prove nothing.
BOOST_AUTO_TEST_CASE(without_a_sync_writes_are_lost_and_torn) {
  Disk disk({.seed = 3});
  const std::string before = disk.temporary.content();
  std::vector<std::unique_ptr<Block>> blocks;
  for (std::size_t i = 0; i < block_count; ++i) {
    blocks.push_back(std::make_unique<Block>());
    Block& block = *blocks.back();
    std::memset(block.buffer.data(), 'n', block_bytes);
    disk.engine
        .submit(block.operation.write(disk.file, block.buffer.data(), block_bytes, i * block_bytes))
        .or_throw();
  }
  disk.engine.drain();
  BOOST_TEST(disk.kernel.counts().unsynced_writes == block_count);
  disk.kernel.cut_power();
  disk.kernel.lose_unsynced();
  const FaultyKernel::Counts counts = disk.kernel.counts();
  BOOST_TEST(counts.unsynced_writes == 0);
  BOOST_TEST(counts.lost_writes != 0);
  BOOST_TEST(counts.torn_writes != 0);
  const std::string content = disk.temporary.content();
  std::size_t old_count = 0;
  for (std::size_t i = 0; i < block_count; ++i)
    old_count +=
        content.compare(i * block_bytes, block_bytes, before, i * block_bytes, block_bytes) == 0;
  BOOST_TEST(old_count == counts.lost_writes);
}

// Wherever the end of the file is then: nothing that was there before is touched.
BOOST_DATA_TEST_CASE(writes_that_append_are_lost_where_they_went,
                     data::make({true, false}) * data::xrange(1, 6), by_flag, seed) {
  constexpr std::size_t write_count = 16;
  FaultyKernel kernel({.seed = static_cast<std::uint64_t>(seed)});
  const support::TemporaryFile temporary{4 * block_bytes};
  const std::string before = temporary.content();
  {
    const kaio::File file(temporary.path().c_str(), {.flags = by_flag ? O_RDWR : O_RDWR | O_APPEND,
                                                     .direct = kaio::Direct::require});
    kaio::Engine engine({.kernel = &kernel});
    Block block;
    std::memset(block.buffer.data(), 'n', block_bytes);
    for (std::size_t i = 0; i < write_count; ++i) {
      block.operation.write(file, block.buffer.data(), block_bytes, 0)
          .set_flags(by_flag ? RWF_APPEND : 0);
      engine.submit(block.operation).or_throw();
      engine.drain();
      BOOST_REQUIRE(block.operation.result().value() == block_bytes);
    }
    kernel.cut_power();
  }
  kernel.lose_unsynced();
  const FaultyKernel::Counts counts = kernel.counts();
  BOOST_TEST(counts.lost_writes + counts.torn_writes != 0);
  const std::string content = temporary.content();
  BOOST_TEST((content.substr(0, before.size()) == before));
  const std::string appended = content.substr(before.size());
  BOOST_TEST(appended.size() <= write_count * block_bytes);
  BOOST_TEST(appended.find_first_not_of(std::string_view("n\0", 2)) == std::string::npos);
  std::size_t whole_count = 0;
  for (std::size_t i = 0; i < write_count; ++i)
    whole_count +=
        appended.compare(i * block_bytes, block_bytes, std::string(block_bytes, 'n')) == 0;
  // One that is torn may be all there.
  BOOST_TEST(whole_count >= write_count - counts.lost_writes - counts.torn_writes);
  BOOST_TEST(whole_count <= write_count - counts.lost_writes);
}

BOOST_AUTO_TEST_SUITE_END()
