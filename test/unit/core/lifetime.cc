// SPDX-License-Identifier: MIT
// The backends are made and destroyed like any other object, with work in them or without, and
// leave nothing behind: no thread, descriptor, mapping, or events of fs.aio-nr.
#include "core/kernel/context.h"
#include "core/kernel/iocb.h"
#include "core/readiness/watcher.h"
#include "core/threads/blocking_io.h"
#include "core/threads/pool.h"
#include "support/channel.h"
#include "support/deadline.h"
#include "support/precondition.h"
#include "support/process.h"

#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <fcntl.h>
#include <string>

using kaio::Attempt;
using kaio::Opcode;
using kaio::Transfer;
using kaio::TransferState;
using support::eventually;

BOOST_AUTO_TEST_SUITE(lifetime)

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int rounds = 200;
#else
constexpr int rounds = 1000;
#endif
// Each takes the kernel some 20 ms.
constexpr int rounds_with_context = rounds / 20;

// Takes what the backends report, and does nothing with it.
struct Owner final : kaio::ResultSink, kaio::Performer {
  void on_result(Transfer&, std::int32_t) override { ++answer_count; }
  void drain() override {}
  std::optional<std::int32_t> carry_out(Transfer& transfer) override {
    return kaio::blocking_io::perform(transfer.operation);
  }
  bool carried_out(Transfer*, std::int32_t answer) override {
    result_sum += answer;
    ++answer_count;
    return false;
  }
  void refuse(kaio::Transfer& transfer) override { carried_out(&transfer, -EAGAIN); }
  void see_to_others() override {}

  std::atomic<int> answer_count{0};
  std::atomic<std::int64_t> result_sum{0};
};

struct Backends {
  Owner owner;
  kaio::Statistics statistics;
  kaio::KernelOptions options{.queue_depth = 32};
  kaio::Context context{options, statistics};
  kaio::Watcher watcher{owner, statistics};
  kaio::Pool pool{owner, statistics};
};

void prepare(Transfer& transfer, Opcode opcode, int fd, void* buffer, std::size_t size_bytes) {
  transfer.operation =
      kaio::IoOperation{.buffer = buffer, .size = size_bytes, .fd = fd, .opcode = opcode};
  transfer.move_to(TransferState::starting);
}

bool kernel_aio_is_there() {
  kaio::Statistics statistics;
  const kaio::KernelOptions options{.queue_depth = 32};
  return kaio::Context(options, statistics).available();
}

// What the process has of everything that could be left behind.
struct Belongings {
  int thread_count = support::thread_count();
  int descriptor_count = support::open_descriptor_count();
  std::size_t mappings = support::mapping_count();

  // The C library keeps a few stacks, and maps memory for itself; a sanitizer, much more.
  bool are_what_they_were() const {
    return support::thread_count() == thread_count &&
           support::open_descriptor_count() == descriptor_count &&
           (support::sanitized || support::mapping_count() <= mappings + 20);
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(backends_without_work_leave_nothing_behind) {
  const Belongings before;
  for (int i = 0; i < rounds; ++i) Backends();
  BOOST_TEST(eventually([&] { return before.are_what_they_were(); }));
}

BOOST_AUTO_TEST_CASE(backends_with_threads_leave_nothing_behind) {
  const auto ends = support::make_pipe();
  const Belongings before;
  for (int i = 0; i < rounds; ++i) {
    std::array<char, 16> text{};
    std::array<Transfer, 3> writes;
    Transfer read;
    Backends backends;
    prepare(read, Opcode::read, ends.first.get(), text.data(), text.size());
    read.attempt = Attempt::readiness;
    BOOST_REQUIRE(backends.watcher.start(read));
    for (Transfer& write : writes) {
      prepare(write, Opcode::write, -1, text.data(), text.size());
      BOOST_REQUIRE(backends.pool.start(write));
    }
    if (i % 2 == 0) BOOST_REQUIRE(eventually([&] { return backends.owner.answer_count == 3; }));
    BOOST_REQUIRE(backends.watcher.remove(read));
  }
  BOOST_TEST(eventually([&] { return before.are_what_they_were(); }));
}

BOOST_AUTO_TEST_CASE(a_pool_does_all_that_was_queued_before_it_goes) {
  for (int i = 0; i < rounds / 10; ++i) {
    std::array<Transfer, 40> writes;
    Owner owner;
    kaio::Statistics statistics;
    char byte = 0;
    {
      kaio::Pool pool(owner, statistics);
      pool.configure(2, 1'000'000'000);
      for (Transfer& write : writes) {
        prepare(write, Opcode::write, -1, &byte, 1);
        BOOST_REQUIRE(pool.start(write));
      }
    }
    BOOST_REQUIRE(owner.answer_count == 40);
    BOOST_REQUIRE(owner.result_sum == -EBADF * 40);
  }
}

BOOST_AUTO_TEST_CASE(contexts_leave_neither_events_nor_mappings_behind,
                     *support::only_if(kernel_aio_is_there, "needs kernel AIO")) {
  const auto ends = support::make_pipe();
  const Belongings before;
  const long events_before = support::aio_event_count();
  for (int i = 0; i < rounds_with_context; ++i) {
    Transfer poll;
    Backends backends;
    BOOST_REQUIRE(backends.context.available());
    BOOST_REQUIRE(backends.context.reserve());
    kaio::iocb_of::readiness(poll.control, ends.first.get(), true);
    poll.control.data = &poll;
    BOOST_REQUIRE(backends.context.submit(poll.control) == 1);  // still there when it goes
  }
  BOOST_TEST(eventually([&] { return before.are_what_they_were(); }));
  // Other processes have contexts too, and the kernel counts late.
  BOOST_TEST(eventually(
      [&] { return support::aio_event_count() < events_before + 32 * rounds_with_context; }));
}

BOOST_AUTO_TEST_SUITE_END()
