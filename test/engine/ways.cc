// SPDX-License-Identifier: MIT
// Files, by kernel AIO and by every way that there is without it.
#include "model.h"

#include "support/child.h"
#include "support/filter.h"
#include "support/limit.h"
#include "support/loop_device.h"
#include "support/pattern.h"
#include "support/precondition.h"
#include "support/seed.h"
#include "support/storage.h"
#include "support/temporary_file.h"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/syscall.h>
#include <vector>

using kaio::Direct;
using kaio::EngineError;
using kaio::KernelAio;
using kaio::Operation;
using support::StorageKind;

namespace data = boost::unit_test::data;

// Named, as lambdas in templates capture it.
namespace engine_test {

struct Refusal {
  long call;
  int error_number;
  KernelAio reason;
};
std::ostream& operator<<(std::ostream& out, const Refusal& refusal) {
  return out << "call " << refusal.call << ", errno " << refusal.error_number;
}

}  // namespace engine_test

using engine_test::check_against_model;
using engine_test::model_blocks;
using engine_test::Refusal;

BOOST_AUTO_TEST_SUITE(ways)

namespace {

constexpr std::size_t block_bytes = 4096;

constexpr std::array refusals{
    Refusal{SYS_io_setup, ENOSYS, KernelAio::not_supported},
    Refusal{SYS_io_setup, EPERM, KernelAio::forbidden},
    Refusal{SYS_io_setup, EAGAIN, KernelAio::used_up},  // fs.aio-max-nr
    Refusal{SYS_io_submit, ENOSYS, KernelAio::not_supported},
    Refusal{SYS_io_submit, EPERM, KernelAio::forbidden},
};

}  // namespace

BOOST_DATA_TEST_CASE(a_random_mix_agrees_with_a_model,
                     data::make(support::storage_kinds()) * data::make({true, false}), kind,
                     kernel_aio) {
  const support::Storage storage(kind, block_bytes * model_blocks);
  const kaio::File file = kaio::File::adopt(::dup(storage.fd()));
  kaio::Engine engine({.depth = 8, .batch = 5, .kernel_aio = kernel_aio});
  BOOST_TEST((engine.depth() == 0) == (engine.kernel_aio() != KernelAio::in_use));
  BOOST_TEST(check_against_model(engine, file, support::seed()) == 0);
}

// Where a filter of system calls refuses them, or nothing is left.
BOOST_DATA_TEST_CASE(it_works_without_kernel_aio_and_says_why,
                     data::make(refusals) * data::make({true, false}), refusal, is_direct) {
  const support::TemporaryFile temporary(block_bytes * model_blocks);
  const unsigned seed = support::seed();
  BOOST_TEST(support::run_in_child([&] {
               support::refuse({refusal.call}, refusal.error_number);
               const kaio::File file(
                   temporary.path().c_str(),
                   {.flags = O_RDWR, .direct = is_direct ? Direct::prefer : Direct::never});
               kaio::Engine engine({.depth = 8});
               if (const int wrong = check_against_model(engine, file, seed)) return wrong;
               if (engine.kernel_aio() != refusal.reason) return 10;
               return engine.depth() == 0 ? 0 : 11;
             }) == 0);
}

BOOST_AUTO_TEST_CASE(what_is_misaligned_is_refused_and_stays_idle, *support::with_direct_io()) {
  const support::TemporaryFile temporary(block_bytes * 2);
  const kaio::File file(temporary.path().c_str(), {.flags = O_RDWR, .direct = Direct::require});
  kaio::Engine engine({.depth = 8});
  const kaio::Alignment& alignment = file.alignment();
  const std::size_t unit_bytes = alignment.read_bytes;
  kaio::Buffer buffer(block_bytes);
  Operation operation;
  int end_count = 0;
  operation.on_completion([](Operation& ended) { ++*static_cast<int*>(ended.context()); },
                          &end_count);
  const auto refusal = [&] {
    const EngineError reason = engine.submit(operation).reason();
    BOOST_TEST(operation.is_idle());
    return reason;
  };
  BOOST_TEST((refusal() == EngineError::nothing_asked));
  operation.read(file, buffer.data() + 1, unit_bytes, 0);
  BOOST_TEST((refusal() == EngineError::misaligned_address));
  operation.read(file, buffer.data(), unit_bytes + 1, 0);
  BOOST_TEST((refusal() == EngineError::misaligned_length));
  operation.read(file, buffer.data(), unit_bytes, 1);
  BOOST_TEST((refusal() == EngineError::misaligned_offset));
  operation.write(file, buffer.data(), alignment.overwrite_bytes, 1);
  BOOST_TEST((refusal() == EngineError::misaligned_offset));
  std::array<iovec, 2> parts{{{buffer.data(), unit_bytes}, {buffer.data(), unit_bytes - 1}}};
  operation.readv(file, parts, 0);
  BOOST_TEST((refusal() == EngineError::misaligned_length));
  operation.read(kaio::File(), buffer.data(), unit_bytes, 0);
  BOOST_TEST((refusal() == EngineError::not_open));
  BOOST_TEST(engine.poll() == 0U);
  BOOST_TEST(end_count == 0);
  BOOST_TEST(engine.statistics().submitted == 0U);
}

BOOST_AUTO_TEST_CASE(a_refused_member_keeps_its_whole_chain_from_beginning,
                     *support::with_direct_io()) {
  const support::TemporaryFile temporary(block_bytes * 2);
  kaio::File file(temporary.path().c_str(), {.flags = O_RDWR, .direct = Direct::require});
  kaio::Engine engine({.depth = 8});
  kaio::Buffer buffer(block_bytes);
  Operation good, bad;
  good.write(file, buffer.data(), block_bytes, 0);
  bad.write(file, buffer.data(), block_bytes, 1);
  kaio::Chain chain(file);
  chain.add(good).add(bad);
  BOOST_TEST((engine.submit(chain).reason() == EngineError::misaligned_offset));
  BOOST_TEST(chain.is_idle());
  BOOST_TEST(good.is_idle());
  BOOST_TEST(engine.under_way() == 0U);
  bad.write(file, buffer.data(), block_bytes, block_bytes);
  engine.submit(chain).or_throw();
  engine.drain();
  BOOST_TEST(chain.result().value() == 2 * block_bytes);
  engine.submit(chain).or_throw();  // of no writes: the sync alone
  engine.drain();
  BOOST_TEST(chain.result().value() == 0U);
}

BOOST_AUTO_TEST_CASE(a_short_read_at_the_end_of_a_file_is_no_error) {
  const support::TemporaryFile temporary(block_bytes + 100);
  for (const Direct direct : {Direct::prefer, Direct::never}) {
    const kaio::File file(temporary.path().c_str(), {.flags = O_RDONLY, .direct = direct});
    kaio::Engine engine({.depth = 8});
    kaio::Buffer buffer(3 * block_bytes);
    Operation operation;
    engine.submit(operation.read(file, buffer.data(), buffer.size(), 0)).or_throw();
    engine.drain();
    BOOST_TEST(operation.result().value() == block_bytes + 100);
    engine.submit(operation.read(file, buffer.data(), block_bytes, 2 * block_bytes)).or_throw();
    engine.drain();
    BOOST_TEST(operation.result().value() == 0U);
  }
}

BOOST_DATA_TEST_CASE(a_write_past_the_limit_of_files_fails_without_a_signal,
                     data::make({true, false}), kernel_aio) {
  const support::TemporaryFile temporary(block_bytes);
  BOOST_TEST(support::run_in_child([&] {
               const kaio::File file(temporary.path().c_str(), {.flags = O_RDWR});
               kaio::Buffer buffer(block_bytes);
               const support::Limit limit(RLIMIT_FSIZE, block_bytes);
               kaio::Engine engine({.depth = 8, .kernel_aio = kernel_aio});
               Operation operation;
               operation.write(file, buffer.data(), block_bytes, block_bytes);
               if (engine.submit(operation)) return 1;
               engine.drain();
               return operation.result().error() == std::errc::file_too_large ? 0 : 2;
             }) == 0);
}

BOOST_AUTO_TEST_CASE(open_requires_prefers_or_does_without_direct_io) {
  const support::TemporaryFile temporary(support::tmpfs, block_bytes);
  const int fd = ::open(temporary.path().c_str(), O_RDWR | O_DIRECT);
  const bool knows_direct = fd >= 0;
  ::close(fd);
  const char* const path = temporary.path().c_str();
  if (!knows_direct) {
    BOOST_CHECK_THROW(kaio::File(path, {.flags = O_RDWR, .direct = Direct::require}),
                      std::system_error);
  }
  BOOST_TEST(kaio::File(path, {.flags = O_RDWR}).is_direct() == knows_direct);
  const kaio::File file(path, {.flags = O_RDWR, .direct = Direct::never});
  BOOST_TEST(!file.is_direct());
  BOOST_TEST(file.alignment().read_bytes == 1U);
  BOOST_CHECK_THROW(kaio::File("/nonexistent/file", {.flags = O_RDWR}), std::system_error);
  BOOST_CHECK_THROW(kaio::File::adopt(-1), std::system_error);
}

BOOST_AUTO_TEST_SUITE_END()
