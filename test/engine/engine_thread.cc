// SPDX-License-Identifier: MIT
// An engine on a thread of its own.
#include <kaio/engine/thread.h>

#include "engine/detached.h"
#include "support/pattern.h"
#include "support/process.h"
#include "support/temporary_file.h"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <sys/wait.h>
#include <thread>
#include <vector>

using kaio::EngineError;

BOOST_AUTO_TEST_SUITE(engine_thread)

namespace {

constexpr std::size_t block_bytes = 4096;
constexpr std::size_t block_count = 256;

struct Disk {
  const support::TemporaryFile temporary{block_bytes * block_count};
  const std::string content = temporary.content();
  kaio::File file{temporary.path().c_str(), {.flags = O_RDWR}};

  bool has(std::size_t block, const std::byte* data) const {
    return std::memcmp(content.data() + block * block_bytes, data, block_bytes) == 0;
  }
};

engine_test::Detached read_blocks(kaio::EngineThread& thread, const Disk& disk, std::byte* buffer,
                                  std::size_t count, std::atomic<std::size_t>& good_count) {
  co_await thread.enter();
  for (std::size_t block = 0; block < count; ++block) {
    const kaio::Result result =
        co_await thread.engine().read(disk.file, buffer, block_bytes, block * block_bytes);
    if (result && result.size_bytes() == block_bytes && disk.has(block, buffer)) ++good_count;
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(many_threads_read_by_it_at_once) {
  constexpr int thread_count = 8, rounds = 500;
  const Disk disk;
  const kaio::Buffer memory(thread_count * block_bytes);
  std::atomic<int> wrong_count{0};
  {
    kaio::EngineThread engine;
    std::vector<std::jthread> readers;
    for (int i = 0; i < thread_count; ++i)
      readers.emplace_back([&, i] {
        std::byte* const buffer = memory.data() + static_cast<std::size_t>(i) * block_bytes;
        kaio::Operation read;
        for (int round = 0; round < rounds; ++round) {
          const std::size_t block = static_cast<std::size_t>(round * 31 + i) % block_count;
          const kaio::Result result =
              engine.perform(read.read(disk.file, buffer, block_bytes, block * block_bytes));
          if (!result || result.size_bytes() != block_bytes || !disk.has(block, buffer))
            ++wrong_count;
        }
      });
  }
  BOOST_TEST(wrong_count == 0);
}

BOOST_AUTO_TEST_CASE(coroutines_enter_it_from_other_threads) {
  constexpr std::size_t coroutine_count = 16;
  const Disk disk;
  const kaio::Buffer memory(coroutine_count * block_bytes);
  std::atomic<std::size_t> good_count{0};
  {
    kaio::EngineThread engine;
    for (std::size_t i = 0; i < coroutine_count; ++i)
      read_blocks(engine, disk, memory.data() + i * block_bytes, block_count, good_count);
    // The last operation of each may not have been submitted yet when it ends: it waits for all
    // that is under way, and they go on from there.
    while (good_count != coroutine_count * block_count) std::this_thread::yield();
  }
  BOOST_TEST(good_count == coroutine_count * block_count);
}

BOOST_AUTO_TEST_CASE(completions_run_in_its_thread_and_submit_more) {
  struct Chase {
    kaio::EngineThread& engine;
    const Disk& disk;
    std::byte* buffer;
    int left = 200;
    std::optional<std::thread::id> thread;
    bool changed_thread = false;
  };
  const Disk disk;
  const kaio::Buffer memory(block_bytes);
  kaio::Operation read;
  std::optional<kaio::EngineThread> engine(std::in_place);
  Chase chase{.engine = *engine, .disk = disk, .buffer = memory.data(), .thread = {}};
  read.on_completion(
      [](kaio::Operation& operation) {
        auto& self = *static_cast<Chase*>(operation.context());
        const std::thread::id here = std::this_thread::get_id();
        self.changed_thread |= self.thread.value_or(here) != here;
        self.thread = here;
        if (--self.left != 0) self.engine.submit(operation).or_throw();
      },
      &chase);
  engine->submit(read.read(disk.file, memory.data(), block_bytes, 0)).or_throw();
  engine.reset();  // only when all of them are over
  BOOST_TEST(chase.left == 0);
  BOOST_TEST(!chase.changed_thread);
  BOOST_TEST((chase.thread != std::this_thread::get_id()));
}

BOOST_AUTO_TEST_CASE(what_the_engine_refuses_is_the_result) {
  const Disk disk;
  const kaio::Buffer memory(2 * block_bytes);
  kaio::EngineThread engine;
  kaio::Operation operation;
  BOOST_TEST((engine.perform(operation).error() == EngineError::nothing_asked));
  if (disk.file.is_direct()) {
    operation.read(disk.file, memory.data() + 1, block_bytes, 0);
    BOOST_TEST((engine.perform(operation).error() == EngineError::misaligned_address));
  }
  // And it is of use afterwards.
  operation.read(disk.file, memory.data(), block_bytes, 0);
  BOOST_TEST(engine.perform(operation).value() == block_bytes);
}

BOOST_AUTO_TEST_CASE(a_child_of_fork_is_refused_and_the_parent_goes_on) {
  const Disk disk;
  const kaio::Buffer memory(block_bytes);
  kaio::EngineThread engine;
  kaio::Operation read;
  read.read(disk.file, memory.data(), block_bytes, 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const bool refused = engine.perform(read).error() == EngineError::other_process &&
                         engine.submit(read).reason() == EngineError::other_process;
    ::_exit(refused ? 0 : 1);
  }
  int status = 0;
  BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
  BOOST_TEST(status == 0);
  BOOST_TEST(engine.perform(read).value() == block_bytes);
}

BOOST_AUTO_TEST_CASE(a_hundred_of_them_leave_nothing_behind) {
  const Disk disk;
  const kaio::Buffer memory(block_bytes);
  { const kaio::EngineThread first; }
  const int thread_count = support::thread_count();
  const int descriptor_count = support::open_descriptor_count();
  for (int i = 0; i < 100; ++i) {
    kaio::Operation read;
    kaio::EngineThread engine({.depth = 8});
    engine.submit(read.read(disk.file, memory.data(), block_bytes, 0)).or_throw();
  }
  BOOST_TEST(support::thread_count() == thread_count);
  BOOST_TEST(support::open_descriptor_count() == descriptor_count);
}

BOOST_AUTO_TEST_SUITE_END()
