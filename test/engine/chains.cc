// SPDX-License-Identifier: MIT
// Chains that are cancelled, or end in ways of their own.
#include <kaio/engine.h>
#include <kaio/testing.h>

#include "support/precondition.h"
#include "support/temporary_file.h"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <memory>

#include "detached.h"

using kaio::Cancelled;
using kaio::EngineError;
using kaio::testing::FaultyKernel;

namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(chains, *support::with_direct_io())

namespace {

constexpr std::size_t block_bytes = 4096;
constexpr std::size_t write_count = 4;

struct Disk {
  const support::TemporaryFile temporary{block_bytes * write_count};
  kaio::File file{temporary.path().c_str(), {.flags = O_RDWR, .direct = kaio::Direct::require}};
  kaio::Buffer buffer{block_bytes};
  FaultyKernel kernel{{.delay_turns_max = 3, .reorder = false}};
  kaio::Engine engine{{.depth = 16, .kernel = &kernel}};
  std::array<kaio::Operation, write_count> writes;
  kaio::Chain chain{file};

  Disk() {
    for (std::size_t i = 0; i < write_count; ++i)
      chain.add(writes[i].write(file, buffer.data(), block_bytes, i * block_bytes));
  }
};

}  // namespace

BOOST_DATA_TEST_CASE(a_member_that_is_cancelled_fails_its_chain, data::xrange(write_count),
                     member) {
  Disk disk;
  disk.engine.submit(disk.chain).or_throw();
  BOOST_TEST((disk.engine.cancel(disk.writes[member]) == Cancelled::yes));
  disk.engine.drain();
  BOOST_TEST((disk.chain.result().error() == std::errc::operation_canceled));
  BOOST_TEST(!disk.file.sync_has_failed());
  BOOST_TEST(disk.engine.statistics().completed == write_count);  // no sync
}

BOOST_DATA_TEST_CASE(a_refused_member_fails_its_chain, data::xrange(write_count), member) {
  Disk disk;
  disk.kernel.refuse(member, EBADF);
  disk.engine.submit(disk.chain).or_throw();
  disk.engine.drain();
  BOOST_TEST((disk.chain.result().error() == std::errc::bad_file_descriptor));
  BOOST_TEST(disk.engine.statistics().completed == write_count);
}

// At every moment of its life: it ends once, and cancelled or not as cancel() said.
BOOST_DATA_TEST_CASE(a_chain_can_be_cancelled_until_its_sync_begins, data::xrange(12), turns) {
  Disk disk;
  int end_count = 0;
  disk.chain.on_completion([](kaio::Chain& ended) { ++*static_cast<int*>(ended.context()); },
                           &end_count);
  disk.engine.submit(disk.chain).or_throw();
  for (int turn = 0; turn < turns; ++turn) disk.engine.poll();
  const bool is_over = disk.chain.is_idle();
  const Cancelled outcome = disk.engine.cancel(disk.chain);
  BOOST_TEST((outcome == Cancelled::not_in_use) == is_over);
  disk.engine.drain();
  BOOST_TEST(end_count == 1);
  if (outcome == Cancelled::yes) {
    BOOST_TEST((disk.chain.result().error() == std::errc::operation_canceled));
  } else {
    BOOST_TEST(disk.chain.result().value() == write_count * block_bytes);
  }
  BOOST_TEST(!disk.file.sync_has_failed());
}

BOOST_AUTO_TEST_CASE(a_sync_that_fails_meanwhile_keeps_another_chain_from_its_own) {
  Disk disk;
  disk.kernel.fail_sync(EIO);
  kaio::Operation sync;
  disk.engine.submit(sync.sync(disk.file)).or_throw();
  disk.engine.submit(disk.chain).or_throw();
  disk.engine.drain();
  BOOST_TEST((sync.result().error() == std::errc::io_error));
  BOOST_TEST((disk.chain.result().error() == EngineError::sync_failed_before));
  disk.file.forgive();
  disk.engine.submit(disk.chain).or_throw();  // has no writes any more
  disk.engine.drain();
  BOOST_TEST(bool(disk.chain.result()));
}

BOOST_AUTO_TEST_CASE(a_chain_and_its_writes_may_go_in_its_completion) {
  auto disk = std::make_unique<Disk>();
  struct Commit {
    std::array<kaio::Operation, 2> writes;
    std::unique_ptr<kaio::Chain> chain;
    bool* is_gone;
  };
  bool is_gone = false;
  auto* const commit = new Commit{{}, std::make_unique<kaio::Chain>(disk->file), &is_gone};
  for (kaio::Operation& write : commit->writes) {
    commit->chain->add(write.write(disk->file, disk->buffer.data(), block_bytes, 0));
    write.on_completion([](kaio::Operation&) {});
  }
  commit->chain->on_completion(
      [](kaio::Chain& ended) {
        auto* const self = static_cast<Commit*>(ended.context());
        *self->is_gone = bool(ended.result());
        delete self;
      },
      commit);
  disk->engine.submit(*commit->chain).or_throw();
  disk->engine.drain();
  BOOST_TEST(is_gone);
}

BOOST_AUTO_TEST_CASE(a_coroutine_waits_for_chains) {
  Disk disk;
  int step = 0;
  const auto commit = [&]() -> engine_test::Detached {
    if ((co_await disk.engine.run(disk.chain)).size_bytes() == write_count * block_bytes) ++step;
    disk.kernel.fail_sync(EIO);
    if ((co_await disk.engine.run(disk.chain)).error() == std::errc::io_error) ++step;
    if ((co_await disk.engine.run(disk.chain)).error() == EngineError::sync_failed_before) ++step;
  };
  commit();
  disk.engine.drain();
  BOOST_TEST(step == 3);
}

BOOST_AUTO_TEST_CASE(a_refused_chain_can_be_submitted_again_or_emptied) {
  Disk disk;
  disk.writes[2].write(disk.file, disk.buffer.data() + 1, block_bytes, 0);
  BOOST_TEST((disk.engine.submit(disk.chain).reason() == EngineError::misaligned_address));
  BOOST_TEST(disk.engine.under_way() == 0);
  disk.writes[2].write(disk.file, disk.buffer.data(), block_bytes, 0);
  disk.engine.submit(disk.chain).or_throw();
  disk.engine.drain();
  BOOST_TEST(disk.chain.result().value() == write_count * block_bytes);

  disk.chain.add(disk.writes[0]).clear().add(disk.writes[0]);
  disk.engine.submit(disk.chain).or_throw();
  disk.engine.drain();
  BOOST_TEST(disk.chain.result().value() == block_bytes);
}

// As those do who add in the call that submits, and do so again when it was refused.
BOOST_AUTO_TEST_CASE(operations_that_are_added_again_are_in_the_chain_once) {
  Disk disk;
  disk.kernel.fail_sync(EIO);
  disk.engine.submit(disk.chain).or_throw();
  disk.engine.drain();
  const auto submit_all = [&disk] {
    for (kaio::Operation& write : disk.writes) disk.chain.add(write);
    return disk.engine.submit(disk.chain).reason();
  };
  BOOST_TEST((submit_all() == EngineError::sync_failed_before));
  BOOST_TEST((submit_all() == EngineError::sync_failed_before));
  disk.file.forgive();
  BOOST_TEST((submit_all() == EngineError::none));
  disk.engine.drain();
  BOOST_TEST(disk.chain.result().value() == write_count * block_bytes);
  // Emptied while one is the last, and while it is not.
  disk.chain.add(disk.writes[0]).add(disk.writes[1]).clear();
  BOOST_TEST((submit_all() == EngineError::none));
  disk.engine.drain();
  BOOST_TEST(disk.chain.result().value() == write_count * block_bytes);
}

BOOST_AUTO_TEST_SUITE_END()
