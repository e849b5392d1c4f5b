// SPDX-License-Identifier: MIT
// Deadlines, stops and cancels of what is under way already, and ends late; operations that
// outlive their engine.
#include <kaio/engine.h>
#include <kaio/testing.h>

#include "support/channel.h"
#include "support/deadline.h"
#include "support/pattern.h"
#include "support/precondition.h"
#include "support/slow_files.h"
#include "support/temporary_file.h"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <fcntl.h>
#include <optional>
#include <stop_token>
#include <thread>

using kaio::Cancelled;
using kaio::Operation;
using Clock = Operation::Clock;
using std::chrono::milliseconds;

namespace data = boost::unit_test::data;

namespace {

constexpr std::size_t block_bytes = 4096;
// Longer than a busy machine takes for anything else.
const milliseconds device_time{500 * support::slowness()};

// What is read there takes its time, and cannot be taken back.
struct SlowDisk {
  explicit SlowDisk(bool kernel_aio) : engine({.depth = 16, .kernel_aio = kernel_aio}) {}

  support::SlowFiles files{milliseconds(0)};
  kaio::File file = kaio::File::adopt(files.open(O_RDWR | O_DIRECT).release());
  kaio::Buffer buffer{block_bytes};
  Operation operation;
  int late_count = 0, end_count = 0;
  kaio::Engine engine;

  static SlowDisk& of(Operation& operation) { return *static_cast<SlowDisk*>(operation.context()); }

  void begin() {
    operation.read(file, buffer.data(), block_bytes, 0)
        .on_completion([](Operation& ended) { ++of(ended).end_count; }, this);
    engine.submit(operation).or_throw();
    engine.poll();
    // A helper thread may have to begin it.
    BOOST_REQUIRE(support::eventually([this] { return files.begun_reads() == 1; }));
  }
  bool ended_well() const {
    return end_count == 1 && operation.is_idle() && operation.result() &&
           operation.result().size_bytes() == block_bytes;
  }
};

}  // namespace

BOOST_TEST_DECORATOR(*support::where_files_can_be_slow())
BOOST_AUTO_TEST_SUITE(late)

// A wait that sleeps tells of it in time, and goes on.
BOOST_DATA_TEST_CASE(a_deadline_tells_once_and_the_data_comes_all_the_same,
                     data::make({true, false}), kernel_aio) {
  SlowDisk disk(kernel_aio);
  disk.files.set_delay(device_time);
  const auto begin = Clock::now();
  disk.operation.set_deadline(begin + device_time / 3, [](Operation& late) {
    BOOST_TEST(!late.is_idle());
    ++SlowDisk::of(late).late_count;
  });
  disk.begin();
  while (disk.late_count == 0 && disk.end_count == 0) disk.engine.wait(1, begin + device_time / 2);
  BOOST_TEST(disk.late_count == 1);
  BOOST_TEST(disk.end_count == 0);
  BOOST_TEST((disk.engine.next_deadline() == Clock::time_point::max()));
  BOOST_TEST(disk.engine.wait() == 1U);
  BOOST_TEST(disk.ended_well());
  BOOST_TEST(disk.late_count == 1);
  const kaio::EngineStatistics statistics = disk.engine.statistics();
  BOOST_TEST(statistics.late == 1U);
  BOOST_TEST(statistics.cancelled == 0U);
}

BOOST_DATA_TEST_CASE(a_stop_of_what_is_under_way_changes_nothing, data::make({true, false}),
                     kernel_aio) {
  std::stop_source stop;
  SlowDisk disk(kernel_aio);
  disk.files.set_delay(device_time);
  disk.operation.set_stop_token(stop.get_token());
  disk.begin();
  std::jthread other([&stop] { stop.request_stop(); });
  BOOST_TEST(disk.engine.wait() == 1U);
  BOOST_TEST(disk.ended_well());
  BOOST_TEST(disk.engine.statistics().cancelled == 0U);
}

BOOST_DATA_TEST_CASE(a_cancel_of_what_is_under_way_says_so_each_time, data::make({true, false}),
                     kernel_aio) {
  SlowDisk disk(kernel_aio);
  disk.files.set_delay(device_time);
  disk.begin();
  BOOST_TEST((disk.engine.cancel(disk.operation) == Cancelled::under_way));
  BOOST_TEST((disk.engine.cancel(disk.operation) == Cancelled::under_way));
  BOOST_TEST(!disk.operation.is_idle());
  disk.engine.cancel();
  disk.engine.drain();
  BOOST_TEST(disk.ended_well());
  BOOST_TEST((disk.engine.cancel(disk.operation) == Cancelled::not_in_use));
}

// The kernel writes into its buffer until then.
BOOST_DATA_TEST_CASE(an_engine_ends_no_sooner_than_what_it_has_begun, data::make({true, false}),
                     kernel_aio) {
  support::SlowFiles files{milliseconds(0)};
  const kaio::File file = kaio::File::adopt(files.open(O_RDWR | O_DIRECT).release());
  const kaio::Buffer buffer(block_bytes), other_buffer(block_bytes);
  Operation with_completion, without, waits;
  int end_count = 0;
  with_completion.on_completion([](Operation& ended) { ++*static_cast<int*>(ended.context()); },
                                &end_count);
  const auto ends = support::make_pipe();
  files.set_delay(device_time);
  const auto begin = Clock::now();
  {
    kaio::Engine engine({.depth = 16, .kernel_aio = kernel_aio});
    engine.submit(with_completion.read(file, buffer.data(), block_bytes, 0)).or_throw();
    engine.submit(without.read(file, other_buffer.data(), block_bytes, 0)).or_throw();
    engine.submit(waits.poll(ends.first.get(), kaio::Readiness::readable)).or_throw();
    engine.poll();
    BOOST_REQUIRE(support::eventually([&files] { return files.begun_reads() == 2; }));
    engine.cancel();
  }
  BOOST_TEST((Clock::now() >= begin + device_time));
  BOOST_TEST(end_count == 1);
  for (const Operation* operation : {&with_completion, &without}) {
    BOOST_TEST(operation->is_idle());
    BOOST_TEST(operation->result().value() == block_bytes);
  }
  BOOST_TEST((waits.result().error() == std::errc::operation_canceled));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(outliving)

BOOST_DATA_TEST_CASE(an_operation_that_outlives_its_engine_is_idle_and_can_go_to_another,
                     data::make({true, false}), kernel_aio) {
  const support::TemporaryFile temporary(4 * block_bytes);
  const kaio::File file(temporary.path().c_str(), {.flags = O_RDONLY});
  const kaio::Buffer buffer(block_bytes);
  const auto text = [&] {
    return std::string_view(reinterpret_cast<const char*>(buffer.data()), block_bytes);
  };
  std::stop_source stop;
  Operation operation;
  operation.set_stop_token(stop.get_token())
      .set_deadline(Clock::now() + support::patience)
      .read(file, buffer.data(), block_bytes, block_bytes);
  std::optional<kaio::Engine> engine;
  for (int round = 0; round < 3; ++round) {
    engine.emplace(kaio::EngineOptions{.depth = 8, .kernel_aio = kernel_aio});
    engine->submit(operation).or_throw();
    engine.reset();
    BOOST_TEST(operation.is_idle());
    BOOST_TEST(operation.result().value() == block_bytes);
    BOOST_TEST(support::is_pattern(text(), block_bytes));
  }
  stop.request_stop();  // has nobody to tell
  BOOST_TEST(operation.result().value() == block_bytes);
  engine.emplace(kaio::EngineOptions{.depth = 8, .kernel_aio = kernel_aio});
  BOOST_TEST((engine->cancel(operation) == Cancelled::not_in_use));
  engine->submit(operation).or_throw();
  engine.reset();
  BOOST_TEST((operation.result().error() == std::errc::operation_canceled));
  Operation other(std::move(operation));
  BOOST_TEST((other.result().error() == std::errc::operation_canceled));
}

BOOST_AUTO_TEST_CASE(a_chain_that_outlives_its_engine_can_go_to_another) {
  const support::TemporaryFile temporary(4 * block_bytes);
  const kaio::File file(temporary.path().c_str(), {.flags = O_RDWR});
  const kaio::Buffer buffer(block_bytes);
  std::array<Operation, 3> writes;
  kaio::Chain chain(file);
  for (int round = 0; round < 3; ++round) {
    kaio::Engine engine({.depth = 8});
    for (std::size_t i = 0; i < writes.size(); ++i)
      chain.add(writes[i].write(file, buffer.data(), block_bytes, i * block_bytes));
    engine.submit(chain).or_throw();
    if (round == 1) engine.cancel(chain);
    if (round == 2) engine.poll();
  }
  BOOST_TEST(chain.is_idle());
  BOOST_TEST(chain.result().value() == writes.size() * block_bytes);
}

// One of its writes came too late: the others are not made durable by it.
BOOST_AUTO_TEST_CASE(a_write_whose_deadline_has_come_keeps_its_chain_from_the_sync,
                     *support::with_direct_io()) {
  const support::TemporaryFile temporary(4 * block_bytes);
  const kaio::File file(temporary.path().c_str(), {.flags = O_RDWR});
  const kaio::Buffer buffer(block_bytes);
  kaio::testing::FaultyKernel kernel;
  kaio::Engine engine({.depth = 8, .kernel = &kernel});
  std::array<Operation, 3> writes;
  kaio::Chain chain(file);
  for (std::size_t i = 0; i < writes.size(); ++i)
    chain.add(writes[i].write(file, buffer.data(), block_bytes, i * block_bytes));
  writes[2].set_deadline(Clock::now());
  engine.submit(chain).or_throw();
  engine.drain();
  BOOST_TEST((chain.result().error() == std::errc::timed_out));
  BOOST_TEST(kernel.counts().completed <= 2U);  // writes, and no sync
  BOOST_TEST(!file.sync_has_failed());
}

BOOST_AUTO_TEST_SUITE_END()
