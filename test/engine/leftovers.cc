// SPDX-License-Identifier: MIT
// What an engine costs: no allocation after its start, and nothing that is left of it.
#include <kaio/engine.h>

#include "support/deadline.h"
#include "support/precondition.h"
#include "support/process.h"
#include "support/temporary_file.h"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <cstdlib>
#include <fcntl.h>
#include <new>
#include <string>
#include <thread>

using kaio::Operation;

namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(leftovers)

namespace {

constexpr std::size_t block_bytes = 4096;
std::atomic<std::size_t> allocation_count{0};

}  // namespace

#if defined(__GLIBC__) && !KAIO_TEST_SANITIZED
#define COUNTS_ALLOCATIONS 1

extern "C" void* __libc_malloc(std::size_t size_bytes);
extern "C" void* __libc_calloc(std::size_t count, std::size_t size_bytes);
extern "C" void* __libc_realloc(void* memory, std::size_t size_bytes);

// operator new comes here as well.
extern "C" void* malloc(std::size_t size_bytes) {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(size_bytes);
}
extern "C" void* calloc(std::size_t count, std::size_t size_bytes) {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(count, size_bytes);
}
extern "C" void* realloc(void* memory, std::size_t size_bytes) {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(memory, size_bytes);
}

#else
#define COUNTS_ALLOCATIONS 0
#endif

namespace {

// Operations that submit themselves again until enough have been done.
struct Load {
  kaio::Engine& engine;
  long left;

  static void ended(Operation& operation) {
    Load& self = *static_cast<Load*>(operation.context());
    if (!operation.result()) std::abort();
    if (--self.left > 0) self.engine.submit(operation).or_throw();
  }
};

template <std::size_t count>
std::array<kaio::Buffer, count> make_buffers() {
  std::array<kaio::Buffer, count> buffers;
  for (kaio::Buffer& buffer : buffers) buffer = kaio::Buffer(block_bytes);
  return buffers;
}

template <std::size_t count>
void run(kaio::Engine& engine, const kaio::File& file, std::array<Operation, count>& operations,
         const std::array<kaio::Buffer, count>& buffers, long total) {
  Load load{engine, total};
  for (std::size_t i = 0; i < count; ++i) {
    operations[i].read(file, buffers[i].data(), block_bytes, i % 16 * block_bytes);
    operations[i].on_completion(Load::ended, &load);
    engine.submit(operations[i]).or_throw();
  }
  engine.drain();
}

}  // namespace

// From the cache, where a read is quick: by kernel AIO a million, by threads fewer.
BOOST_DATA_TEST_CASE(nothing_is_allocated_after_the_start, data::make({true, false}), kernel_aio) {
  const support::TemporaryFile temporary(block_bytes * 16);
  BOOST_REQUIRE(temporary.content().size() == block_bytes * 16);
  const kaio::File file(temporary.path().c_str(),
                        {.flags = O_RDONLY, .direct = kaio::Direct::never});
  const auto buffers = make_buffers<32>();
  kaio::Engine engine({.depth = 64, .kernel_aio = kernel_aio, .threads_max = 2});
  std::array<Operation, 32> operations;
  run(engine, file, operations, buffers, 1000);  // the helper threads start
  const std::size_t before = allocation_count;
  BOOST_TEST((before != 0) == (COUNTS_ALLOCATIONS != 0));
  const long total = kernel_aio && !support::sanitized ? 1'000'000 : 5'000;
  run(engine, file, operations, buffers, total);
  BOOST_TEST(engine.statistics().completed >= static_cast<std::uint64_t>(total));
  // The C library allocates a little for each helper thread, which may start late.
  const std::size_t of_threads = kernel_aio ? 0 : 4;
  BOOST_TEST(allocation_count - before <= of_threads);
}

BOOST_AUTO_TEST_CASE(a_thousand_engines_leave_nothing_behind) {
  const support::TemporaryFile temporary(block_bytes);
  const kaio::File file(temporary.path().c_str(), {.flags = O_RDONLY});
  const kaio::Buffer buffer(block_bytes);
  const int thread_count = support::thread_count();
  const int descriptor_count = support::open_descriptor_count();
  const std::size_t mappings = support::mapping_count();
  const long events_before = support::aio_event_count();
  // The kernel takes some 20 ms to take a context down.
  const int rounds_with_context = support::sanitized ? 20 : 100;
  const int rounds = support::sanitized ? 200 : 1000;
  for (int round = 0; round < rounds; ++round) {
    Operation operation;
    kaio::Engine engine({.depth = 32, .kernel_aio = round < rounds_with_context});
    operation.read(file, buffer.data(), block_bytes, 0);
    engine.submit(operation).or_throw();
    if (round % 2 == 0) engine.drain();
  }
  BOOST_TEST(support::eventually([&] {
    return support::thread_count() == thread_count &&
           support::open_descriptor_count() == descriptor_count &&
           (support::sanitized || support::mapping_count() <= mappings + 20);
  }));
  // Other processes have contexts too, and the kernel counts late.
  BOOST_TEST(support::eventually(
      [&] { return support::aio_event_count() < events_before + 32L * rounds_with_context; }));
}

BOOST_DATA_TEST_CASE(two_engines_on_two_threads_share_a_file, data::make({true, false}),
                     kernel_aio) {
  const support::TemporaryFile temporary(block_bytes * 16);
  const kaio::File file(temporary.path().c_str(), {.flags = O_RDONLY});
  const auto work = [&](std::uint64_t& completed) {
    const auto buffers = make_buffers<16>();
    kaio::Engine engine({.depth = 8, .kernel_aio = kernel_aio, .threads_max = 2});
    std::array<Operation, 16> operations;
    run(engine, file, operations, buffers, 3000);
    completed = engine.statistics().completed;
  };
  std::uint64_t here = 0, there = 0;
  std::thread other([&] { work(there); });
  work(here);
  other.join();
  BOOST_TEST(here == there);
  BOOST_TEST(here >= 3000U);
}

BOOST_AUTO_TEST_SUITE_END()
