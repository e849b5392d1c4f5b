// SPDX-License-Identifier: MIT
// What the kernel is given: of operations with flags or a priority, and how many by a call.
#include "unit/faked_calls.h"
#include "support/precondition.h"
#include "support/temporary_file.h"

#include <kaio/engine.h>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <fcntl.h>
#include <linux/fs.h>
#include <map>
#include <mutex>
#include <vector>

using kaio::IoPriority;

BOOST_AUTO_TEST_SUITE(iocbs, *support::with_direct_io())

namespace {

constexpr std::size_t block_bytes = 4096;
constexpr unsigned iocb_flag_ioprio = 1u << 1;

struct Seen {
  int priority;
  bool has_priority;
  std::uint32_t rw_flags;
};

std::mutex mutex;
std::map<std::uint64_t, Seen> seen;  // by offset, the first time
std::vector<long> counts;            // of reads and writes in each call

int submit_and_see(io_context_t context, long count, iocb** iocbs) {
  {
    const std::lock_guard lock(mutex);
    if (iocbs[0]->aio_lio_opcode <= IO_CMD_PWRITE) counts.push_back(count);
    for (long i = 0; i < count; ++i) {
      const iocb& control = *iocbs[i];
      if (control.aio_lio_opcode > IO_CMD_PWRITE) continue;
      std::uint32_t rw_flags = 0;
      std::memcpy(&rw_flags, reinterpret_cast<const char*>(&control) + offsetof(iocb, key) + 4,
                  sizeof rw_flags);
      seen.try_emplace(static_cast<std::uint64_t>(control.u.c.offset),
                       Seen{.priority = control.aio_reqprio,
                            .has_priority = (control.u.c.flags & iocb_flag_ioprio) != 0,
                            .rw_flags = rw_flags});
    }
  }
  return kaio::sys::real_calls.io_submit(context, count, iocbs);
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_kernel_is_told_of_a_priority_of_those_that_have_one) {
  seen.clear();
  unit::FakedCalls calls;
  calls->io_submit = submit_and_see;
  const support::TemporaryFile temporary(16 * block_bytes);
  const kaio::File file(temporary.path().c_str(), {.flags = O_RDWR});
  const kaio::Buffer buffer(16 * block_bytes);
  kaio::Engine engine({.depth = 16});
  if (engine.kernel_aio() != kaio::KernelAio::in_use) return;
  using enum IoPriority::Class;
  struct Case {
    IoPriority priority;
    bool is_told;
    int number;  // IOPRIO_PRIO_VALUE
  };
  const std::array cases{Case{{of_thread, 3}, false, 0}, Case{{best_effort, 0}, true, 2 << 13},
                         Case{{best_effort, 7}, true, 2 << 13 | 7},
                         Case{{idle, 4}, true, 3 << 13 | 4},
                         Case{{best_effort, 255}, true, 2 << 13 | 7}};
  std::array<kaio::Operation, cases.size() + 2> operations;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    if (i < cases.size()) operations[i].set_priority(cases[i].priority);
    operations[i].read(file, buffer.data() + i * block_bytes, block_bytes, i * block_bytes);
  }
  // Set again, it no longer has one.
  operations.back().set_priority({idle, 4}).set_priority({});
  for (kaio::Operation& operation : operations) engine.submit(operation).or_throw();
  engine.drain();
  for (std::size_t i = 0; i < operations.size(); ++i) {
    BOOST_TEST(operations[i].result().value() == block_bytes);
    BOOST_REQUIRE(seen.contains(i * block_bytes));
    const Seen& given = seen.at(i * block_bytes);
    BOOST_TEST(given.has_priority == (i < cases.size() && cases[i].is_told));
    BOOST_TEST(given.priority == (i < cases.size() ? cases[i].number : 0));
  }
}

// The first attempt asks, besides, not to be waited for.
BOOST_AUTO_TEST_CASE(the_kernel_is_told_of_the_flags_that_were_asked_for) {
  seen.clear();
  unit::FakedCalls calls;
  calls->io_submit = submit_and_see;
  const support::TemporaryFile temporary(16 * block_bytes);
  const kaio::File file(temporary.path().c_str(), {.flags = O_RDWR});
  const kaio::Buffer buffer(block_bytes);
  kaio::Engine engine({.depth = 16});
  if (engine.kernel_aio() != kaio::KernelAio::in_use) return;
  const std::array<unsigned, 4> flags{0, RWF_DSYNC, RWF_SYNC, RWF_DSYNC | RWF_HIPRI};
  std::array<kaio::Operation, flags.size()> operations;
  for (std::size_t i = 0; i < flags.size(); ++i)
    engine
        .submit(operations[i]
                    .write(file, buffer.data(), block_bytes, i * block_bytes)
                    .set_flags(flags[i]))
        .or_throw();
  engine.drain();
  for (std::size_t i = 0; i < flags.size(); ++i) {
    BOOST_TEST(operations[i].result().value() == block_bytes);
    BOOST_REQUIRE(seen.contains(i * block_bytes));
    const Seen& given = seen.at(i * block_bytes);
    BOOST_TEST((given.rw_flags & ~std::uint32_t{RWF_NOWAIT}) == flags[i]);
  }
}

// The device is to begin while the kernel still prepares the others.
BOOST_AUTO_TEST_CASE(one_is_given_first_and_twice_as_many_by_each_further_call) {
  unit::FakedCalls calls;
  calls->io_submit = submit_and_see;
  const support::TemporaryFile temporary(block_bytes);
  const kaio::File file(temporary.path().c_str(), {.flags = O_RDWR});
  const kaio::Buffer buffer(block_bytes);
  kaio::Engine engine({.depth = 64, .batch = 64});
  if (engine.kernel_aio() != kaio::KernelAio::in_use) return;
  std::array<kaio::Operation, 48> operations;
  for (const std::size_t count : {1u, 8u, 31u, 48u}) {
    counts.clear();
    for (std::size_t i = 0; i < count; ++i)
      engine.submit(operations[i].read(file, buffer.data(), block_bytes, 0)).or_throw();
    BOOST_TEST(counts.empty());  // they are queued
    engine.flush();
    std::size_t call = 0;
    for (std::size_t given = 0; given < count; ++call) {
      BOOST_REQUIRE(call < counts.size());
      BOOST_TEST(counts[call] == std::min(1L << call, static_cast<long>(count - given)));
      given += static_cast<std::size_t>(counts[call]);
    }
    BOOST_TEST(call == counts.size());
    engine.drain();
  }
}

BOOST_AUTO_TEST_SUITE_END()
