// SPDX-License-Identifier: MIT
// io_submit that stops in the middle: each operation ends once, with its result, all the same.
#include "unit/faked_calls.h"
#include "support/temporary_file.h"

#include <kaio/engine.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <mutex>
#include <utility>
#include <vector>

namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(refusals)

namespace {

constexpr std::size_t block_bytes = 4096;
constexpr long count_max = 6;

// Takes iocbs up to the one that is number `left_until_stop`, once, and the rest as the
// kernel does.
struct Stop {
  long left = -1;  // -1: has happened
  int error_number = 0;
  bool for_ever = false;
  std::vector<iocb*> order;  // of what was taken
} stop;

std::mutex stop_mutex;

void set(Stop wanted) {
  const std::lock_guard lock(stop_mutex);
  stop = std::move(wanted);
}

int submit_until_stop(io_context_t context, long count, iocb** iocbs) {
  const std::lock_guard lock(stop_mutex);  // helper threads submit too
  if (stop.left == 0) {
    if (!stop.for_ever) stop.left = -1;
    return -stop.error_number;
  }
  if (stop.left > 0 && count > stop.left) count = stop.left;
  const int taken = kaio::sys::real_calls.io_submit(context, count, iocbs);
  if (taken <= 0) return taken;
  stop.order.insert(stop.order.end(), iocbs, iocbs + taken);
  if (stop.left > 0) stop.left -= taken;
  return taken;
}

int refused_fd = -1;

int submit_but_of_one_file(io_context_t context, long count, iocb** iocbs) {
  const auto is_refused = [](const iocb* control) { return control->aio_fildes == refused_fd; };
  const long good_count = std::find_if(iocbs, iocbs + count, is_refused) - iocbs;
  return good_count == 0 ? -EBADF : kaio::sys::real_calls.io_submit(context, good_count, iocbs);
}

}  // namespace

BOOST_DATA_TEST_CASE(an_io_submit_that_stops_anywhere_loses_nothing,
                     data::make({EAGAIN, EINVAL, EBADF, EFAULT, EPERM, EACCES, ENOSYS, EOPNOTSUPP,
                                 ENOMEM}),
                     error_number) {
  unit::FakedCalls calls;
  calls->io_submit = submit_until_stop;
  const support::TemporaryFile temporary(block_bytes * count_max);
  const kaio::File file(temporary.path().c_str(), {.flags = O_RDONLY});
  std::array<kaio::Buffer, count_max> buffers;
  for (kaio::Buffer& buffer : buffers) buffer = kaio::Buffer(block_bytes);
  for (long count = 1; count <= count_max; ++count) {
    kaio::Engine engine({.depth = 16});
    for (long place = 0; place < count; ++place) {
      set({.left = place, .error_number = error_number, .for_ever = false, .order = {}});
      std::array<kaio::Operation, count_max> operations;
      std::array<int, count_max> end_counts{};
      for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        operations[i]
            .read(file, buffers[i].data(), block_bytes, i * block_bytes)
            .on_completion([](kaio::Operation& ended) { ++*static_cast<int*>(ended.context()); },
                           &end_counts[i]);
        engine.submit(operations[i]).or_throw();
      }
      engine.drain();
      int failed_count = 0;
      for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        BOOST_REQUIRE(end_counts[i] == 1);
        const kaio::Result result = operations[i].result();
        failed_count += !result;
        BOOST_REQUIRE(result.size_bytes() == (result ? block_bytes : 0));
        if (!result) BOOST_REQUIRE(result.error().value() == error_number);
      }
      // The one that was refused; which one that is, where helper threads submit, is chance.
      BOOST_REQUIRE(failed_count <= 1);
      const kaio::EngineStatistics statistics = engine.statistics();
      BOOST_REQUIRE(statistics.submitted == statistics.completed);
      BOOST_REQUIRE(statistics.queued + statistics.under_way == 0U);
    }
  }
}

// Each takes a call of its own.
BOOST_AUTO_TEST_CASE(many_refusals_in_a_batch_end_those_that_are_refused_and_no_others) {
  unit::FakedCalls calls;
  calls->io_submit = submit_but_of_one_file;
  const support::TemporaryFile temporary(block_bytes);
  const kaio::File bad_file(temporary.path().c_str(), {.flags = O_RDONLY});
  const kaio::File good_file(temporary.path().c_str(), {.flags = O_RDONLY});
  refused_fd = bad_file.fd();
  const kaio::Buffer buffer(block_bytes);
  kaio::Engine engine({.depth = 256, .batch = 256});
  if (!good_file.is_direct() || engine.kernel_aio() != kaio::KernelAio::in_use) return;
  std::vector<kaio::Operation> refused(100), good(20);
  for (kaio::Operation& operation : refused)
    engine.submit(operation.read(bad_file, buffer.data(), block_bytes, 0)).or_throw();
  for (kaio::Operation& operation : good)
    engine.submit(operation.read(good_file, buffer.data(), block_bytes, 0)).or_throw();
  engine.drain();
  for (const kaio::Operation& operation : refused)
    BOOST_TEST(operation.result().error().value() == EBADF);
  for (const kaio::Operation& operation : good)
    BOOST_TEST(operation.result().size_bytes() == block_bytes);
}

// Its own poll, which ends a sleep, would be all that comes back.
BOOST_AUTO_TEST_CASE(a_kernel_without_memory_does_not_hang_a_wait) {
  unit::FakedCalls calls;
  set({});
  calls->io_submit = submit_until_stop;
  const support::TemporaryFile temporary(block_bytes);
  const kaio::File file(temporary.path().c_str(), {.flags = O_RDONLY});
  if (!file.is_direct()) return;
  kaio::Buffer buffer(block_bytes);
  kaio::Engine engine({.depth = 16});
  if (engine.kernel_aio() != kaio::KernelAio::in_use) return;
  kaio::Operation operation, poll;
  std::array<int, 2> ends{};
  BOOST_REQUIRE(::pipe(ends.data()) == 0);
  engine.submit(poll.poll(ends[0], kaio::Readiness::readable)).or_throw();
  const auto soon = kaio::Engine::Clock::now() + std::chrono::milliseconds(1);
  engine.wait(1, soon);
  set({.left = 0, .error_number = EAGAIN, .for_ever = true, .order = {}});
  engine.submit(operation.read(file, buffer.data(), block_bytes, 0)).or_throw();
  const auto limit = kaio::Engine::Clock::now() + std::chrono::seconds(10);
  BOOST_TEST(engine.wait(1, limit) == 1U);
  BOOST_TEST((operation.result().error() == std::errc::resource_unavailable_try_again));
  set({});
  engine.cancel();
  engine.drain();
  ::close(ends[0]);
  ::close(ends[1]);
}

BOOST_AUTO_TEST_CASE(those_behind_the_one_that_was_refused_keep_their_order) {
  unit::FakedCalls calls;
  set({.left = 2, .error_number = EBADF, .for_ever = false, .order = {}});
  calls->io_submit = submit_until_stop;
  const support::TemporaryFile temporary(block_bytes * count_max);
  const kaio::File file(temporary.path().c_str(), {.flags = O_RDONLY});
  kaio::Engine engine({.depth = 16});
  if (!file.is_direct() || engine.kernel_aio() != kaio::KernelAio::in_use) return;
  std::array<kaio::Buffer, count_max> buffers;
  std::array<kaio::Operation, count_max> operations;
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    buffers[i] = kaio::Buffer(block_bytes);
    operations[i].read(file, buffers[i].data(), block_bytes, i * block_bytes);
    engine.submit(operations[i]).or_throw();
  }
  engine.flush();
  std::vector<long long> offsets;
  for (const iocb* control : stop.order) offsets.push_back(control->u.c.offset / 4096);
  const std::vector<long long> wanted{0, 1, 3, 4, 5};
  BOOST_TEST(offsets == wanted, boost::test_tools::per_element());
  engine.drain();
  BOOST_TEST(operations[2].result().error().value() == EBADF);
}

BOOST_AUTO_TEST_SUITE_END()
