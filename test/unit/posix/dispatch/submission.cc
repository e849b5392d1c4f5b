// SPDX-License-Identifier: MIT
// What becomes of a request while the call that submits it is still under way.
#include "posix/process/runtime.h"

#include "support/precondition.h"
#include "support/temporary_file.h"
#include "unit/core/kernel/fake_kernel.h"

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <functional>
#include <memory>
#include <thread>

using kaio::Request;

BOOST_AUTO_TEST_SUITE(submission)

namespace {

constexpr std::size_t block_bytes = 4096;

// The whole of kaio over kernel AIO in memory, with no threads but the test's. The reaper, which
// is the first to be asked for, is believed to run, unless the bench `refuses`; others are
// refused.
struct DispatchBench {
  explicit DispatchBench(bool refuses = false) : threads_left(refuses ? 0 : 1) {
    current = this;
    kernel.calls()->create_thread = [](pthread_t*, const pthread_attr_t*, void* (*)(void*), void*) {
      return --current->threads_left >= 0 ? 0 : -EAGAIN;
    };
    kernel.calls()->io_submit = [](io_context_t, long count, iocb** controls) {
      for (long i = 0; i < count; ++i) current->in_submit(*controls[i]);
      return static_cast<int>(count);
    };
  }
  ~DispatchBench() { current = nullptr; }
  DispatchBench(const DispatchBench&) = delete;
  DispatchBench& operator=(const DispatchBench&) = delete;

  Request& make_read(kaio::StatusCell& cell, int fd, off_t offset, char* buffer) {
    Request& request = *runtime->requests.slab.allocate();
    static_cast<kaio::Progress&>(request) = kaio::Progress();
    request.notification = {};
    request.done_bytes = 0;
    request.cell = &cell;
    request.group = nullptr;
    request.operation = kaio::IoOperation{.buffer = buffer,
                                          .size = block_bytes,
                                          .offset_bytes = offset,
                                          .fd = fd,
                                          .opcode = kaio::Opcode::read};
    cell.word = kaio::status::in_progress;
    return request;
  }

  // What is in the ring, and what follows from it.
  void end_all() {
    runtime->ring_reaper.reap();
    runtime->dispatcher.drain();
  }

  static inline DispatchBench* current = nullptr;
  std::atomic<int> threads_left;

  // What the kernel, and other threads, do while io_submit is under way.
  std::function<void(iocb&)> in_submit = [](iocb&) {};
  unit::FakeKernel kernel;
  kaio::FixedOptions fixed;
  kaio::Options options;
  std::unique_ptr<kaio::Runtime> runtime = std::make_unique<kaio::Runtime>(fixed, options);
};

// Two reads of a file, the first of which is under way. The device has no room for the second
// one. Another thread takes that answer, and holds the read back until the first one has ended.
// The submitter itself takes that end, and has to start the read again.
struct HeldInItsCall : DispatchBench {
  explicit HeldInItsCall(bool refuses = false) : DispatchBench(refuses) {
    file.make_cold();
    BOOST_REQUIRE(runtime->dispatcher.submit(first));
    in_submit = [this](iocb& control) {
      BOOST_REQUIRE(control.data == static_cast<kaio::Transfer*>(&second));
      signalled = (control.u.c.flags & iocb_flag_resfd) != 0;
      if (++tries > 1) {
        kernel.add(control.data, static_cast<long>(control.u.c.nbytes));
        return;
      }
      kernel.add(control.data, -EAGAIN);
      std::thread([this] { end_all(); }).join();
      BOOST_TEST((second.state.load() == kaio::TransferState::held));
      kernel.add(static_cast<kaio::Transfer*>(&first), block_bytes);
    };
  }

  static constexpr unsigned iocb_flag_resfd = 1u << 0;
  const support::TemporaryFile file{2 * block_bytes};
  const support::Fd fd = file.open(O_RDONLY | O_DIRECT);
  alignas(block_bytes) char buffers[2][block_bytes];
  kaio::StatusCell first_cell{}, second_cell{};
  Request& first = make_read(first_cell, fd.get(), 0, buffers[0]);
  Request& second = make_read(second_cell, fd.get(), block_bytes, buffers[1]);
  int tries = 0;
  bool signalled = false;  // the last one's end, to the reaper
};

}  // namespace

// Its answer from before is no answer any more. Whoever has begun to wait for it while it was
// held may see nothing but its end, which somebody has to take then.
BOOST_AUTO_TEST_CASE(a_read_held_back_by_another_thread_starts_again_in_its_own_call,
                     *support::with_direct_io()) {
  HeldInItsCall bench;
  BOOST_REQUIRE(bench.runtime->dispatcher.submit(bench.second));
  bench.end_all();
  BOOST_TEST(bench.tries == 2);
  BOOST_TEST(bench.signalled);
  BOOST_TEST(bench.first_cell.word == kaio::status::done(0));
  BOOST_TEST(bench.second_cell.word == kaio::status::done(0));
  BOOST_TEST(bench.second_cell.result_bytes == static_cast<std::int64_t>(block_bytes));
  BOOST_TEST(!bench.runtime->ring_reaper.reaping_required());
}

// Another thread takes the end of the first read as well, and starts the second one again. The
// submitter takes a part of it, and submits the rest.
BOOST_AUTO_TEST_CASE(so_is_the_rest_of_one_that_was_in_other_hands, *support::with_direct_io()) {
  constexpr std::size_t part_bytes = 512;
  HeldInItsCall bench;
  const auto in_first_try = bench.in_submit;
  bench.in_submit = [&](iocb& control) {
    if (bench.tries == 1) {
      ++bench.tries;
      return;
    }
    in_first_try(control);
    if (bench.tries != 1) return;
    std::thread([&] { bench.end_all(); }).join();
    BOOST_TEST(bench.tries == 2);
    bench.kernel.add(control.data, part_bytes);
  };
  BOOST_REQUIRE(bench.runtime->dispatcher.submit(bench.second));
  bench.end_all();
  BOOST_TEST(bench.tries == 3);
  BOOST_TEST(bench.signalled);
  BOOST_TEST(bench.second_cell.result_bytes == static_cast<std::int64_t>(block_bytes));
}

BOOST_AUTO_TEST_CASE(it_is_refused_if_nobody_could_take_its_end, *support::with_direct_io()) {
  HeldInItsCall bench(true);
  BOOST_TEST(!bench.runtime->dispatcher.submit(bench.second));
  bench.end_all();
  BOOST_TEST(bench.tries == 1);
  BOOST_TEST(bench.first_cell.word == kaio::status::done(0));
  BOOST_TEST(!bench.runtime->ring_reaper.reaping_required());
  BOOST_TEST(bench.runtime->requests.descriptors.at(bench.fd.get())->occupancy.now().empty());
}

BOOST_AUTO_TEST_CASE(what_was_transferred_before_an_error_is_the_result,
                     *support::with_direct_io()) {
  constexpr std::size_t part_bytes = 512;
  DispatchBench bench;
  const support::TemporaryFile file{2 * block_bytes};
  const support::Fd fd = file.open(O_RDONLY | O_DIRECT);
  alignas(block_bytes) char buffer[block_bytes];
  int tries = 0;
  bench.in_submit = [&](iocb& control) {
    bench.kernel.add(control.data, ++tries == 1 ? long{part_bytes} : -EIO);
  };
  for (const std::int64_t expected : {std::int64_t{part_bytes}, std::int64_t{-EIO}}) {
    kaio::StatusCell cell{};
    BOOST_REQUIRE(bench.runtime->dispatcher.submit(bench.make_read(cell, fd.get(), 0, buffer)));
    bench.end_all();
    BOOST_TEST(cell.word == kaio::status::done(expected < 0 ? static_cast<int>(-expected) : 0));
    if (expected >= 0) BOOST_TEST(cell.result_bytes == expected);
  }
  BOOST_TEST(tries == 3);
}

// aio_error() may find that the device has answered "not without waiting", so that a pool thread
// is needed, and may have been called on top of malloc(), which making one calls.
BOOST_AUTO_TEST_CASE(who_may_start_no_thread_leaves_that_to_the_reaper,
                     *support::with_direct_io()) {
  DispatchBench bench;
  static int asked_for;
  static bool makes_them;
  asked_for = 0;
  makes_them = false;
  bench.kernel.calls()->create_thread = [](pthread_t* thread, const pthread_attr_t* attributes,
                                           void* (*run)(void*), void* argument) {
    ++asked_for;
    return makes_them ? kaio::sys::real_calls.create_thread(thread, attributes, run, argument) : 0;
  };
  const support::TemporaryFile file{block_bytes};
  const support::Fd fd = file.open(O_RDONLY | O_DIRECT);
  alignas(block_bytes) char buffer[block_bytes];
  kaio::StatusCell cell{};
  Request& request = bench.make_read(cell, fd.get(), 0, buffer);
  BOOST_REQUIRE(bench.runtime->dispatcher.submit(request));
  bench.in_submit = [&](iocb& control) {
    const bool may_block = (control.aio_rw_flags & RWF_NOWAIT) == 0;
    bench.kernel.add(control.data, may_block ? long{block_bytes} : -EAGAIN);
  };
  bench.kernel.add(static_cast<kaio::Transfer*>(&request), -EAGAIN);
  {
    const kaio::sys::MayStartThreads may_start_threads(false);
    for (int looks = 0; looks < 3; ++looks) {
      bench.end_all();
      BOOST_TEST((request.state.load() == kaio::TransferState::queued));
      BOOST_TEST(bench.runtime->dispatcher.threads_are_wanted());
      BOOST_TEST(asked_for == 1);  // the reaper's, which there was not
    }
  }
  makes_them = true;
  bench.runtime->dispatcher.start_wanted_threads();
  BOOST_TEST(asked_for == 2);
  BOOST_TEST(!bench.runtime->dispatcher.threads_are_wanted());
  while (cell.word == kaio::status::in_progress) bench.end_all();
  BOOST_TEST(cell.word == kaio::status::done(0));
  BOOST_TEST(cell.result_bytes == static_cast<std::int64_t>(block_bytes));
}

BOOST_AUTO_TEST_SUITE_END()
