// SPDX-License-Identifier: MIT
// RWF_* and I/O priorities: what each comes to is what the call by hand comes to.
#include <kaio/engine.h>

#include "support/checked.h"
#include "support/child.h"
#include "support/pattern.h"
#include "support/place.h"
#include "support/precondition.h"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <sys/uio.h>
#include <unistd.h>

using kaio::Direct;
using kaio::IoPriority;
using support::Place;
using support::PlaceKind;

namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(flags)

namespace {

constexpr std::size_t block_bytes = 4096;
constexpr std::size_t file_bytes = 8 * block_bytes;

// The C library's headers may be older than these.
constexpr int rwf_atomic = 0x40, rwf_dontcache = 0x80, rwf_of_nobody = 0x4000;
constexpr std::array flag_sets{0,
                               RWF_DSYNC,
                               RWF_SYNC,
                               RWF_APPEND,
                               RWF_NOWAIT,
                               rwf_dontcache,
                               rwf_atomic,
                               RWF_DSYNC | RWF_APPEND,
                               rwf_dontcache | RWF_DSYNC,
                               RWF_NOWAIT | RWF_DSYNC,
                               1 << 20,  // that no kernel knows
                               rwf_of_nobody};

// Bytes, or an error number less than 0.
long outcome_of(const kaio::Result& result) {
  return result ? static_cast<long>(result.size_bytes()) : -result.error().value();
}
long outcome_of(ssize_t done) { return done < 0 ? -errno : done; }

// One that would wait for something does not say so each time.
bool agree(int flags, long one, long other) {
  const auto may_be = [&](long outcome) {
    return outcome == -EAGAIN || outcome == static_cast<long>(block_bytes);
  };
  return one == other || ((flags & RWF_NOWAIT) != 0 && may_be(one) && may_be(other));
}

struct Block {
  kaio::Buffer buffer{block_bytes};
  Block(char fill) { std::memset(buffer.data(), fill, block_bytes); }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(buffer.data()), block_bytes};
  }
};

std::string content_of(const std::string& path) {
  const support::Fd fd(support::checked(::open(path.c_str(), O_RDONLY), path.c_str()));
  std::string content(file_bytes + 2 * block_bytes, '\0');
  content.resize(static_cast<std::size_t>(
      support::checked(::pread(fd.get(), content.data(), content.size(), 0), "pread")));
  return content;
}

}  // namespace

BOOST_DATA_TEST_CASE(a_flag_does_what_the_call_with_it_does,
                     data::make(support::place_names()) * data::make({true, false}) *
                         data::make({true, false}),
                     name, is_direct, kernel_aio) {
  const Place* const place = Place::get(name);
  if (place == nullptr) return;
  kaio::Engine engine({.depth = 8, .kernel_aio = kernel_aio});
  const auto carry_out = [&](kaio::Operation& operation) {
    engine.submit(operation).or_throw();
    engine.drain();
    return outcome_of(operation.result());
  };
  for (const int flag_set : flag_sets) {
    BOOST_TEST_CONTEXT("flags " << flag_set) {
      // One for the call, and one for the engine; of a device, the same.
      const std::string paths[] = {place->make_file(file_bytes), place->make_file(file_bytes)};
      const kaio::FileOptions options{.flags = O_RDWR,
                                      .direct = is_direct ? Direct::prefer : Direct::never};
      const kaio::File by_call(paths[0].c_str(), options), by_engine(paths[1].c_str(), options);
      kaio::Operation operation;
      operation.set_flags(static_cast<unsigned>(flag_set));

      Block call_reads('c'), engine_reads('e');
      iovec part{call_reads.buffer.data(), block_bytes};
      const long read_by_call =
          outcome_of(::preadv2(by_call.fd(), &part, 1, 3 * block_bytes, flag_set));
      const long read_by_engine = carry_out(
          operation.read(by_engine, engine_reads.buffer.data(), block_bytes, 3 * block_bytes));
      BOOST_TEST(agree(flag_set, read_by_call, read_by_engine),
                 "read: " << read_by_call << ", engine: " << read_by_engine);
      if (read_by_engine > 0 && !place->is(PlaceKind::fuse))
        BOOST_TEST(support::is_pattern(engine_reads.text(), 3 * block_bytes));

      const Block written('w');
      part.iov_base = written.buffer.data();
      const long written_by_call =
          outcome_of(::pwritev2(by_call.fd(), &part, 1, 2 * block_bytes, flag_set));
      const long written_by_engine = carry_out(
          operation.write(by_engine, written.buffer.data(), block_bytes, 2 * block_bytes));
      BOOST_TEST(agree(flag_set, written_by_call, written_by_engine),
                 "write: " << written_by_call << ", engine: " << written_by_engine);
      if (written_by_engine < 0 || place->is(PlaceKind::fuse)) continue;
      const bool appends = (flag_set & RWF_APPEND) != 0 && !place->is(PlaceKind::device);
      std::string expected = support::pattern(file_bytes);
      if (appends) {
        expected += written.text();
      } else {
        expected.replace(2 * block_bytes, block_bytes, written.text());
      }
      if (place->is(PlaceKind::device) && (flag_set & RWF_APPEND) != 0) continue;  // as it likes
      BOOST_TEST((content_of(paths[1]).substr(0, expected.size()) == expected));
    }
  }
}

// Each flag is that of one operation, and stays until another is set.
BOOST_AUTO_TEST_CASE(flags_stay_until_they_are_set_anew, *support::with_direct_io()) {
  const support::TemporaryFile temporary(block_bytes);
  const kaio::File file(temporary.path().c_str(), {.flags = O_RDWR});
  const Block block('b');
  kaio::Engine engine({.depth = 8});
  kaio::Operation operation;
  operation.set_flags(RWF_APPEND).write(file, block.buffer.data(), block_bytes, 0);
  for (std::size_t round = 1; round < 4; ++round) {
    engine.submit(operation).or_throw();
    engine.drain();
    BOOST_TEST(operation.result().value() == block_bytes);
    BOOST_TEST(file.size_bytes() == (round + 1) * block_bytes);
  }
  engine.submit(operation.set_flags(0)).or_throw();
  engine.drain();
  BOOST_TEST(operation.result().value() == block_bytes);
  BOOST_TEST(file.size_bytes() == 4 * block_bytes);
  BOOST_TEST((temporary.content() == std::string(4 * block_bytes, 'b')));
}

// What would wait for the disk: a read of a buffered file that is in no cache.
BOOST_DATA_TEST_CASE(a_transfer_that_must_not_wait_ends_with_EAGAIN_instead,
                     data::make({true, false}), kernel_aio) {
  const support::TemporaryFile temporary(64 * block_bytes);
  const kaio::File file(temporary.path().c_str(), {.flags = O_RDWR, .direct = Direct::never});
  ::posix_fadvise(file.fd(), 0, 0, POSIX_FADV_RANDOM);
  Block block('b');
  kaio::Engine engine({.depth = 8, .kernel_aio = kernel_aio});
  int refused_count = 0;
  for (std::size_t i = 0; i < 20; ++i) {
    temporary.make_cold();
    kaio::Operation operation;
    operation.read(file, block.buffer.data(), block_bytes, i * block_bytes).set_flags(RWF_NOWAIT);
    engine.submit(operation).or_throw();
    engine.drain();
    const long outcome = outcome_of(operation.result());
    BOOST_TEST(agree(RWF_NOWAIT, outcome, -EAGAIN), outcome);
    refused_count += outcome == -EAGAIN;
    if (outcome > 0) BOOST_TEST(support::is_pattern(block.text(), i * block_bytes));
  }
  BOOST_TEST_MESSAGE(refused_count << " of 20 were refused");
}

// The kernel looks at the class only if it is told that there is one. What it refuses is the
// operation's result, and no reason to do without it.
BOOST_AUTO_TEST_CASE(a_priority_that_a_user_may_not_have_is_refused_by_the_kernel,
                     *support::as_root() * support::with_direct_io()) {
  const support::TemporaryFile temporary(file_bytes);
  const kaio::File file(temporary.path().c_str(), {.flags = O_RDWR});
  BOOST_TEST(support::run_in_child([&] {
               kaio::Engine engine({.depth = 8});
               const Block block('b');
               std::array<kaio::Operation, 4> operations;
               const auto carry_out = [&](IoPriority::Class io_class, std::uint8_t level) {
                 // Among others that it must not take with it.
                 for (std::size_t i = 0; i < operations.size(); ++i) {
                   operations[i].write(file, block.buffer.data(), block_bytes, i * block_bytes);
                   if (i == 2) operations[i].set_priority({io_class, level});
                   if (engine.submit(operations[i])) return 1000L;
                 }
                 engine.drain();
                 for (const std::size_t i : {0, 1, 3})
                   if (outcome_of(operations[i].result()) != block_bytes) return 2000L;
                 return outcome_of(operations[2].result());
               };
               using enum IoPriority::Class;
               if (carry_out(realtime, 0) != static_cast<long>(block_bytes)) return 1;
               if (::setgroups(0, nullptr) != 0 || ::setresgid(54321, 54321, 54321) != 0 ||
                   ::setresuid(54321, 54321, 54321) != 0)
                 return 2;
               for (const IoPriority::Class io_class : {of_thread, best_effort, idle})
                 for (const auto level : std::array<std::uint8_t, 4>{0, 4, 7, 200})
                   if (carry_out(io_class, level) != static_cast<long>(block_bytes)) return 3;
               if (carry_out(realtime, 0) != -EPERM) return 4;
               if (carry_out(realtime, 7) != -EPERM) return 5;
               if (engine.kernel_aio() != kaio::KernelAio::in_use) return 6;
               if (carry_out(of_thread, 4) != static_cast<long>(block_bytes)) return 7;
               return 0;
             }) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
