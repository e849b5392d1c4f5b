// SPDX-License-Identifier: MIT
// A log that many append to.
#include <kaio/engine/group_commit.h>
#include <kaio/testing.h>

#include "engine/detached.h"
#include "support/limit.h"
#include "support/temporary_file.h"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <map>
#include <string>
#include <thread>
#include <vector>

using kaio::Durability;
using kaio::EngineError;

BOOST_AUTO_TEST_SUITE(group_commit)

namespace {

struct Log {
  explicit Log(const kaio::GroupCommitOptions& options = {}) : log(engine, file, options) {}

  const support::TemporaryFile temporary;
  kaio::Engine engine;
  kaio::File file{temporary.path().c_str(), {.flags = O_RDWR}};
  kaio::GroupCommit log;
};

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

struct Record : kaio::Commit {
  explicit Record(std::string text_) : text(std::move(text_)) { set_record(bytes_of(text)); }
  std::string text;
};

engine_test::Detached append_records(kaio::GroupCommit& log, int committer, int count,
                                     std::vector<std::string>& done) {
  for (int i = 0; i < count; ++i) {
    const std::string record =
        std::to_string(committer) + ":" + std::to_string(i) +
        std::string(static_cast<std::size_t>((committer * 31 + i * 7) % 900), 'x');
    const kaio::Result result = co_await log.commit(bytes_of(record));
    if (!result || result.size_bytes() != record.size()) co_return;
    done.push_back(record);
  }
}

}  // namespace

BOOST_DATA_TEST_CASE(each_record_stands_where_it_was_said_to,
                     boost::unit_test::data::make({0, 1, 2}), way) {
  Log bench({.durability = static_cast<Durability>(way)});
  std::vector<std::unique_ptr<Record>> records;
  for (int i = 0; i < 500; ++i) {
    records.push_back(std::make_unique<Record>(std::to_string(i) + std::string(i % 300, 'r')));
    bench.log.append(*records.back()).or_throw();
    if (i % 7 == 0) bench.engine.wait();
  }
  bench.engine.drain();
  const std::string content = bench.temporary.content();
  std::uint64_t end_bytes = 0;
  for (const auto& record : records) {
    BOOST_REQUIRE(record->result().value() == record->text.size());
    const std::uint64_t position = record->position_bytes();
    BOOST_REQUIRE(position >= end_bytes);  // in the order of their coming
    BOOST_REQUIRE(content.compare(position, record->text.size(), record->text) == 0);
    end_bytes = position + record->text.size();
  }
  BOOST_TEST(bench.log.end_bytes() >= end_bytes);
  BOOST_TEST(bench.log.end_bytes() % bench.file.alignment().write_bytes == 0);
  const kaio::GroupCommitStatistics statistics = bench.log.statistics();
  BOOST_TEST(statistics.records == 500);
  BOOST_TEST(statistics.groups < 500);
}

// Those who were let go together come back together.
BOOST_AUTO_TEST_CASE(committers_that_wait_for_each_record_share_groups) {
  constexpr int committer_count = 16, count = 50;
  Log bench;
  std::vector<std::string> done;
  for (int i = 0; i < committer_count; ++i) append_records(bench.log, i, count, done);
  bench.engine.drain();
  BOOST_TEST(done.size() == committer_count * count);
  BOOST_TEST(bench.log.statistics().groups == count);
}

BOOST_AUTO_TEST_CASE(records_that_do_not_fit_wait_for_the_next_group) {
  const std::string text(5000, 't');
  Log bench({.group_bytes = 8192});
  std::vector<std::unique_ptr<Record>> records;
  for (int i = 0; i < 5; ++i) {
    records.push_back(std::make_unique<Record>(text));
    bench.log.append(*records.back()).or_throw();
  }
  bench.engine.drain();
  BOOST_TEST(bench.log.statistics().groups == 5);
  for (const auto& record : records) BOOST_TEST(bool(record->result()));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_a_record_is_refused) {
  Log bench({.group_bytes = 8192});
  Record empty(""), too_long(std::string(8193, 'l')), fits(std::string(8192, 'f'));
  BOOST_TEST((bench.log.append(empty).reason() == EngineError::record_size));
  BOOST_TEST((bench.log.append(too_long).reason() == EngineError::record_size));
  BOOST_TEST(fits.is_idle());
  BOOST_TEST(!bench.log.append(fits));
  BOOST_TEST(!fits.is_idle());
  BOOST_TEST((bench.log.append(fits).reason() == EngineError::busy));
  bench.engine.drain();
  BOOST_TEST(fits.is_idle());
  BOOST_TEST(fits.result().value() == 8192);
}

BOOST_AUTO_TEST_CASE(options_that_cannot_be_are_explained) {
  const support::TemporaryFile temporary;
  kaio::Engine engine;
  const kaio::File file(temporary.path().c_str(), {.flags = O_RDWR});
  const std::uint64_t no_block = file.alignment().write_bytes / 2;
  if (no_block != 0)
    BOOST_CHECK_THROW(kaio::GroupCommit(engine, file, {.start_bytes = no_block}),
                      std::invalid_argument);
  BOOST_CHECK_THROW(kaio::GroupCommit(engine, file, {.group_bytes = 0}), std::invalid_argument);
}

// Each group after a sync that failed is refused, until the file is forgiven.
BOOST_AUTO_TEST_CASE(a_restart_does_not_forgive_a_sync_that_failed) {
  const support::TemporaryFile temporary;
  kaio::testing::FaultyKernel kernel;
  kaio::Engine engine({.kernel = &kernel});
  kaio::File file(temporary.path().c_str(), {.flags = O_RDWR});
  if (!file.is_direct()) return;
  kaio::GroupCommit log(engine, file, {.durability = Durability::datasync});
  Record record("record");
  const auto error_of_append = [&] {
    log.append(record).or_throw();
    engine.drain();
    return record.result().error();
  };
  kernel.fail_sync(EIO);
  BOOST_TEST((error_of_append() == std::errc::io_error));
  for (int i = 0; i < 2; ++i) {
    log.restart(log.end_bytes());
    BOOST_TEST((error_of_append() == EngineError::sync_failed_before));
  }
  file.forgive();
  log.restart(log.end_bytes());
  BOOST_TEST(!error_of_append());
}

// Nothing that comes behind a hole is called durable.
BOOST_DATA_TEST_CASE(after_a_group_that_failed_all_fail_until_restart,
                     boost::unit_test::data::make({1, 2}), way) {
  Log bench({.durability = static_cast<Durability>(way)});
  Record before("before"), in_it("in it"), behind("behind"), after("after"), again("again");
  bench.log.append(before).or_throw();
  bench.engine.drain();
  const std::uint64_t end_bytes = bench.log.end_bytes();

  // The file cannot grow: the write fails.
  {
    const support::Limit limit(RLIMIT_FSIZE, end_bytes);
    bench.log.append(in_it).or_throw();
    bench.engine.flush();
    bench.log.append(behind).or_throw();  // in the next group
    bench.engine.drain();
  }
  BOOST_TEST((in_it.result().error() == std::errc::file_too_large));
  BOOST_TEST((behind.result().error() == std::errc::file_too_large));
  BOOST_TEST(bench.log.has_failed());
  BOOST_TEST((bench.log.append(after).reason() == EngineError::log_failed));

  bench.log.restart(end_bytes);
  bench.log.append(again).or_throw();
  bench.engine.drain();
  BOOST_TEST(again.result().value() == 5);
  BOOST_TEST(again.position_bytes() == end_bytes);
}

BOOST_AUTO_TEST_CASE(threads_commit_and_wait) {
  constexpr int thread_count = 8, count = 100;
  const support::TemporaryFile temporary;
  const kaio::File file(temporary.path().c_str(), {.flags = O_RDWR});
  std::vector<std::map<std::uint64_t, std::string>> written(thread_count);
  {
    kaio::EngineThread thread;
    kaio::GroupCommit log(thread, file);
    std::vector<std::jthread> committers;
    for (int i = 0; i < thread_count; ++i)
      committers.emplace_back([&, i] {
        for (int k = 0; k < count; ++k) {
          const std::string record = std::to_string(i) + "/" + std::to_string(k);
          std::uint64_t position = 0;
          if (log.commit_and_wait(bytes_of(record), &position))
            written[static_cast<std::size_t>(i)][position] = record;
        }
      });
    committers.clear();
    BOOST_TEST((log.commit_and_wait({}).error() == EngineError::record_size));
  }
  const std::string content = temporary.content();
  for (const auto& records : written) {
    BOOST_TEST(records.size() == count);
    for (const auto& [position, record] : records)
      BOOST_REQUIRE(content.compare(position, record.size(), record) == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_log_may_go_as_soon_as_its_last_record_is_durable) {
  const support::TemporaryFile temporary;
  const kaio::File file(temporary.path().c_str(), {.flags = O_RDWR});
  kaio::EngineThread thread;
  for (int round = 0; round < 200; ++round) {
    kaio::GroupCommit log(thread, file, {.group_bytes = 1 << 16});
    BOOST_REQUIRE(bool(log.commit_and_wait(bytes_of("record"))));
  }
}

// More of them than a thread has places for: the last ones wake it for each record.
BOOST_AUTO_TEST_CASE(logs_side_by_side_on_one_thread_do_not_wait_for_each_other) {
  constexpr std::size_t log_count = 10;
  constexpr int count = 200;
  std::vector<support::TemporaryFile> temporary(log_count);
  std::vector<kaio::File> files;
  for (const support::TemporaryFile& one : temporary)
    files.emplace_back(one.path().c_str(), kaio::FileOptions{.flags = O_RDWR});
  kaio::EngineThread thread;
  std::deque<kaio::GroupCommit> logs;
  for (const kaio::File& file : files) logs.emplace_back(thread, file);
  std::atomic<int> durable_count{0};
  {
    std::vector<std::jthread> committers;
    for (std::size_t i = 0; i < 2 * log_count; ++i)
      committers.emplace_back([&, i] {
        for (int k = 0; k < count; ++k) {
          const std::string record = std::to_string(k);
          if (logs[i % log_count].commit_and_wait(bytes_of(record))) ++durable_count;
          // So that a log comes to rest now and then.
          if (k % 16 == 0) std::this_thread::sleep_for(std::chrono::microseconds{300});
        }
      });
  }
  BOOST_TEST(durable_count == 2 * int(log_count) * count);
}

BOOST_AUTO_TEST_SUITE_END()
