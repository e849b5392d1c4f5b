// SPDX-License-Identifier: MIT
// A kernel that ends direct transfers at any byte: those that go on do so where a direct transfer
// may begin. tmpfs takes what is at no sector, and claims nothing, so that 4,096 is assumed.
#include "sys/thread_sanitizer.h"
#include "unit/faked_calls.h"
#include "support/pattern.h"
#include "support/precondition.h"
#include "support/seed.h"
#include "support/temporary_file.h"

#include <kaio/engine.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <linux/fs.h>
#include <mutex>
#include <random>

namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(short_transfers)

namespace {

constexpr std::size_t transfer_bytes = 128 << 10;

bool tmpfs_takes_direct() {
  try {
    support::TemporaryFile(support::tmpfs, 4096).open(O_RDWR | O_DIRECT);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

// Given how much is asked for, says how much of it the kernel is to be asked for.
std::function<std::size_t(std::size_t)> cut;
std::mutex mutex;
std::size_t misaligned_count = 0, submitted_count = 0;

int submit_less(io_context_t context, long submit_count, iocb** iocbs) {
  const std::lock_guard lock(mutex);
  for (long i = 0; i < submit_count; ++i) {
    iocb& control = *iocbs[i];
    if (control.aio_lio_opcode > IO_CMD_PWRITE) continue;
    ++submitted_count;
    const auto address = reinterpret_cast<std::uintptr_t>(control.u.c.buf);
    const auto offset_bytes = static_cast<std::uint64_t>(control.u.c.offset);
    misaligned_count += ((address | control.u.c.nbytes | offset_bytes) & 4095) != 0;
    std::uint32_t rw_flags = 0;
    std::memcpy(&rw_flags, reinterpret_cast<const char*>(&control) + offsetof(iocb, key) + 4,
                sizeof rw_flags);
    // Without a wait tmpfs does nothing.
    if ((rw_flags & RWF_NOWAIT) == 0) control.u.c.nbytes = cut(control.u.c.nbytes);
    kaio::sys::handed_to_kernel(control.data);  // and so is what was written here
  }
  return kaio::sys::real_calls.io_submit(context, submit_count, iocbs);
}

struct Fixture {
  unit::FakedCalls calls;
  const support::TemporaryFile temporary{support::tmpfs, transfer_bytes};
  const kaio::File file{temporary.path().c_str(), {.flags = O_RDWR}};
  kaio::Buffer buffer{transfer_bytes};
  kaio::Engine engine{{.depth = 8}};
  kaio::Operation operation;

  Fixture() {
    calls->io_submit = submit_less;
    misaligned_count = submitted_count = 0;
  }
  kaio::Result carry_out(bool reads) {
    if (reads) {
      std::memset(buffer.data(), 0, transfer_bytes);
      operation.read(file, buffer.data(), transfer_bytes, 0);
    } else {
      support::pattern(transfer_bytes, 0, 9)
          .copy(reinterpret_cast<char*>(buffer.data()), transfer_bytes);
      operation.write(file, buffer.data(), transfer_bytes, 0);
    }
    engine.submit(operation).or_throw();
    engine.drain();
    return operation.result();
  }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(buffer.data()), transfer_bytes};
  }
};

}  // namespace

BOOST_TEST_DECORATOR(*support::only_if(tmpfs_takes_direct, "no O_DIRECT on tmpfs"))

BOOST_DATA_TEST_CASE(what_ends_at_any_byte_goes_on_at_a_block,
                     data::make({true, false}) * data::make({1, 7, 1000, 1536, 4096, 5000}), reads,
                     granularity) {
  Fixture fixture;
  std::mt19937 chance(support::seed());
  const auto unit_bytes = static_cast<std::size_t>(granularity);
  // At least a block each time, and then somewhere.
  cut = [&](std::size_t size_bytes) {
    const std::size_t more_bytes = chance() % (24 << 10) / unit_bytes * unit_bytes;
    return std::min(size_bytes, (4096 + unit_bytes - 1) / unit_bytes * unit_bytes + more_bytes);
  };
  for (int round = 0; round < 20; ++round) {
    BOOST_REQUIRE(fixture.carry_out(reads).value() == transfer_bytes);
    BOOST_REQUIRE((!reads || support::is_pattern(fixture.text())));
  }
  BOOST_TEST(misaligned_count == 0U);
  BOOST_TEST(submitted_count > 40U);
  if (!reads) BOOST_TEST(support::is_pattern(fixture.temporary.content(), 0, 9));
}

// Now and then less than a block is done, which has to be done again.
BOOST_DATA_TEST_CASE(less_than_a_block_is_done_again_as_long_as_it_goes_on,
                     data::make({true, false}), reads) {
  Fixture fixture;
  bool is_less = false;
  cut = [&](std::size_t size_bytes) {
    is_less = !is_less;
    return std::min<std::size_t>(size_bytes, is_less ? 100 : 2 * 4096);
  };
  BOOST_TEST(fixture.carry_out(reads).value() == transfer_bytes);
  BOOST_TEST(misaligned_count == 0U);
  if (reads) {
    BOOST_TEST(support::is_pattern(fixture.text()));
  } else {
    BOOST_TEST(support::is_pattern(fixture.temporary.content(), 0, 9));
  }
}

BOOST_DATA_TEST_CASE(a_kernel_that_never_does_a_block_is_an_error_and_no_loop,
                     data::make({true, false}), reads) {
  Fixture fixture;
  cut = [](std::size_t) { return std::size_t{100}; };
  BOOST_TEST((fixture.carry_out(reads).error() == std::errc::io_error));
  BOOST_TEST(fixture.operation.result().size_bytes() == 0U);
  BOOST_TEST(submitted_count <= 6U);
}

BOOST_AUTO_TEST_SUITE_END()
