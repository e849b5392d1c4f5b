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

using kaio::Request;

namespace {

constexpr std::size_t block_bytes = 4096;

// The whole of kaio over kernel AIO in memory, with no threads but the test's.
struct DispatchBench {
  DispatchBench() {
    kernel.calls()->create_thread = [](pthread_t*, const pthread_attr_t*, void* (*)(void*), void*) {
      return -EAGAIN;
    };
    current = this;
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
    request.operation = kaio::Operation{.buffer = buffer,
                                        .size = block_bytes,
                                        .offset_bytes = offset,
                                        .fd = fd,
                                        .opcode = kaio::Opcode::read};
    cell.word = kaio::status::in_progress;
    return request;
  }

  static inline DispatchBench* current = nullptr;

  // What the kernel, and other threads, do while io_submit is under way.
  std::function<void(iocb&)> in_submit = [](iocb&) {};
  unit::FakeKernel kernel;
  kaio::FixedOptions fixed;
  kaio::Options options;
  std::unique_ptr<kaio::Runtime> runtime = std::make_unique<kaio::Runtime>(fixed, options);
};

}  // namespace

BOOST_AUTO_TEST_SUITE(submission)

// The device has no room for a read. Another thread takes that answer, and holds the read back
// until the one before it has ended. The submitter takes that end, and so has to start the
// read again: the answer from before is no answer any more.
BOOST_AUTO_TEST_CASE(a_read_held_back_by_another_thread_starts_again_in_its_own_call,
                     *support::with_direct_io()) {
  const support::TemporaryFile file{2 * block_bytes};
  file.make_cold();
  const support::Fd fd = file.open(O_RDONLY | O_DIRECT);
  DispatchBench bench;
  alignas(block_bytes) char buffers[2][block_bytes];
  kaio::StatusCell first_cell{}, second_cell{};
  Request& first = bench.make_read(first_cell, fd.get(), 0, buffers[0]);
  Request& second = bench.make_read(second_cell, fd.get(), block_bytes, buffers[1]);
  BOOST_REQUIRE(bench.runtime->dispatcher.submit(first));

  int tries = 0;
  bench.in_submit = [&](iocb& control) {
    BOOST_REQUIRE(control.data == static_cast<kaio::Transfer*>(&second));
    if (++tries > 1) {
      bench.kernel.add(control.data, block_bytes);
      return;
    }
    bench.kernel.add(control.data, -EAGAIN);
    std::thread([&] {
      bench.runtime->ring_reaper.reap();
      bench.runtime->dispatcher.drain();
    }).join();
    BOOST_TEST((second.state.load() == kaio::TransferState::held));
    bench.kernel.add(static_cast<kaio::Transfer*>(&first), block_bytes);
  };
  BOOST_REQUIRE(bench.runtime->dispatcher.submit(second));
  bench.runtime->dispatcher.drain();

  BOOST_TEST(tries == 2);
  BOOST_TEST(first_cell.word == kaio::status::done(0));
  BOOST_TEST(second_cell.word == kaio::status::done(0));
  BOOST_TEST(second_cell.result_bytes == static_cast<std::int64_t>(block_bytes));
  BOOST_TEST(!bench.runtime->ring_reaper.reaping_required());
}

BOOST_AUTO_TEST_SUITE_END()
