// SPDX-License-Identifier: MIT
// What a File finds out about itself, against what the kernel takes: on sectors of 512 and of
// 4,096 bytes, by file system.
#include <kaio/engine.h>

#include "support/pattern.h"
#include "support/place.h"
#include "support/precondition.h"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <bit>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

using kaio::Alignment;
using kaio::Direct;
using kaio::EngineError;
using support::Place;
using support::PlaceKind;
using support::PlaceName;

namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(alignment)

namespace {

constexpr std::size_t file_bytes = 256 << 10;
constexpr std::size_t buffer_bytes = 64 << 10;

bool takes_direct(const std::string& path) {
  const support::Fd fd(::open(path.c_str(), O_RDWR | O_DIRECT | O_CLOEXEC));
  if (fd.get() < 0) BOOST_TEST(errno == EINVAL);
  return fd.get() >= 0;
}

// 0, or the error of the call. A part of it would be wrong here.
int read_error(int fd, void* to, std::size_t size_bytes, std::size_t offset_bytes) {
  const ssize_t done = ::pread(fd, to, size_bytes, static_cast<off_t>(offset_bytes));
  if (done >= 0) BOOST_TEST(static_cast<std::size_t>(done) == size_bytes);
  return done < 0 ? errno : 0;
}

// Writes what is there already.
int write_error(int fd, void* from, std::size_t size_bytes, std::size_t offset_bytes) {
  const std::string content = support::pattern(size_bytes, offset_bytes);
  content.copy(static_cast<char*>(from), size_bytes);
  const ssize_t done = ::pwrite(fd, from, size_bytes, static_cast<off_t>(offset_bytes));
  if (done >= 0) BOOST_TEST(static_cast<std::size_t>(done) == size_bytes);
  return done < 0 ? errno : 0;
}

// A claim may be larger than what this kernel needs, as long as nobody tells the engine more. It
// must not be smaller, and what it leaves out is refused for that reason or taken.
bool is_refused_or_taken(int error_number) { return error_number == EINVAL || error_number == 0; }

// Whether this kernel tells what it needs of such a file: then the claim is exact.
bool is_told(const Place& place) {
  switch (place.name().kind) {
    case PlaceKind::device:
    case PlaceKind::ext4:
    case PlaceKind::overlay:
      return support::kernel_is_at_least(6, 12);  // overlay passes it on since then, at the latest
    case PlaceKind::xfs:
      return true;  // by an ioctl of its own
    default:
      return false;
  }
}

kaio::File open_direct(const std::string& path) {
  return kaio::File(path.c_str(), {.flags = O_RDWR, .direct = Direct::require});
}

}  // namespace

BOOST_DATA_TEST_CASE(a_file_is_direct_as_it_was_asked_for_and_as_its_file_system_allows,
                     data::make(support::place_names()), name) {
  const Place* const place = Place::get(name);
  if (place == nullptr) return;
  const std::string path = place->make_file(file_bytes);
  const bool takes = takes_direct(path);
  if (place->is(PlaceKind::ramfs)) BOOST_TEST(!takes);  // so that there is one for what follows
  if (takes) {
    BOOST_TEST(open_direct(path).is_direct());
  } else {
    BOOST_CHECK_EXCEPTION(open_direct(path), std::system_error, [](const std::system_error& error) {
      return error.code() == std::errc::invalid_argument;
    });
  }
  BOOST_TEST(kaio::File(path.c_str(), {.flags = O_RDWR}).is_direct() == takes);
  const kaio::File file(path.c_str(), {.flags = O_RDWR, .direct = Direct::never});
  BOOST_TEST(!file.is_direct());
  const Alignment& alignment = file.alignment();
  for (const std::uint32_t bytes : {alignment.memory_bytes, alignment.read_bytes,
                                    alignment.overwrite_bytes, alignment.write_bytes})
    BOOST_TEST(bytes == 1U);
}

// Where O_DIRECT is refused the kernel has made the file by then.
BOOST_DATA_TEST_CASE(a_new_file_can_be_insisted_on_whether_it_becomes_direct_or_not,
                     data::make(support::places_for_data()), name) {
  const Place* const place = Place::get(name);
  if (place == nullptr || place->is(PlaceKind::device)) return;
  const std::string path = place->make_file(0);
  BOOST_REQUIRE(::unlink(path.c_str()) == 0);
  const kaio::FileOptions options{.flags = O_RDWR | O_CREAT | O_EXCL};
  BOOST_TEST(kaio::File(path.c_str(), options).is_open());
  BOOST_CHECK_EXCEPTION(
      kaio::File(path.c_str(), options), std::system_error,
      [](const std::system_error& error) { return error.code() == std::errc::file_exists; });
  ::unlink(path.c_str());
}

BOOST_DATA_TEST_CASE(what_a_file_claims_is_what_the_kernel_takes,
                     data::make(support::place_names()), name) {
  const Place* const place = Place::get(name);
  if (place == nullptr) return;
  const std::string path = place->make_file(file_bytes);
  if (!takes_direct(path)) return;
  const kaio::File file = open_direct(path);
  const Alignment& claim = file.alignment();
  BOOST_TEST_MESSAGE(name << ": memory " << claim.memory_bytes << ", reads " << claim.read_bytes
                          << ", overwrites " << claim.overwrite_bytes << ", writes "
                          << claim.write_bytes);
  for (const std::uint32_t bytes :
       {claim.memory_bytes, claim.read_bytes, claim.overwrite_bytes, claim.write_bytes})
    BOOST_TEST(std::has_single_bit(bytes));
  BOOST_TEST(claim.write_bytes >= claim.overwrite_bytes);

  // At an address, of a length, at an offset that are multiples of no more than was claimed.
  kaio::Buffer buffer(buffer_bytes + claim.memory_bytes);
  std::byte* const address = buffer.data() + claim.memory_bytes;
  const std::size_t read_bytes = claim.read_bytes, write_bytes = claim.overwrite_bytes;
  const int fd = file.fd();
  BOOST_TEST(read_error(fd, address, read_bytes, read_bytes) == 0);
  BOOST_TEST(read_error(fd, address, 3 * read_bytes, 5 * read_bytes) == 0);
  BOOST_TEST(write_error(fd, address, write_bytes, write_bytes) == 0);
  BOOST_TEST(write_error(fd, address, 3 * write_bytes, 5 * write_bytes) == 0);
  BOOST_TEST(write_error(fd, address, claim.write_bytes, claim.write_bytes) == 0);

  // The next smaller power of two of each.
  std::byte* const other_address = buffer.data() + claim.memory_bytes / 2;
  BOOST_TEST(is_refused_or_taken(read_error(fd, other_address, read_bytes, read_bytes)));
  BOOST_TEST(is_refused_or_taken(write_error(fd, other_address, write_bytes, write_bytes)));
  const int errors[] = {read_error(fd, address, read_bytes / 2, read_bytes),
                        read_error(fd, address, read_bytes, read_bytes / 2),
                        write_error(fd, address, write_bytes / 2, write_bytes),
                        write_error(fd, address, write_bytes, write_bytes / 2)};
  for (const int error_number : errors) BOOST_TEST(is_refused_or_taken(error_number));
  if (!is_told(*place)) return;
  BOOST_TEST(read_bytes == name.sector_bytes);
  BOOST_TEST(write_bytes == name.sector_bytes);
  BOOST_TEST(claim.memory_bytes <= name.sector_bytes);
  for (const int error_number : errors) BOOST_TEST(error_number == EINVAL);
}

BOOST_DATA_TEST_CASE(what_keeps_to_the_claim_is_taken_and_what_does_not_is_refused_at_once,
                     data::make(support::place_names()) * data::make({true, false}), name,
                     kernel_aio) {
  const Place* const place = Place::get(name);
  if (place == nullptr) return;
  const std::string path = place->make_file(file_bytes);
  const kaio::File file(path.c_str(), {.flags = O_RDWR});
  const Alignment& claim = file.alignment();
  kaio::Engine engine({.depth = 8, .kernel_aio = kernel_aio});
  kaio::Buffer buffer(buffer_bytes + claim.memory_bytes);
  std::byte* const address = buffer.data() + claim.memory_bytes;
  kaio::Operation operation;
  const auto outcome = [&] {
    const EngineError refusal = engine.submit(operation).reason();
    engine.drain();
    BOOST_TEST(operation.is_idle());
    if (refusal == EngineError::none) operation.result().value();
    return refusal;
  };
  struct Way {
    bool reads;
    std::size_t unit_bytes;
  };
  for (const Way way : {Way{true, claim.read_bytes}, Way{false, claim.overwrite_bytes}}) {
    const auto transfer = [&](std::byte* at, std::size_t size_bytes, std::size_t offset_bytes) {
      if (way.reads) {
        operation.read(file, at, size_bytes, offset_bytes);
      } else {
        support::pattern(size_bytes, offset_bytes).copy(reinterpret_cast<char*>(at), size_bytes);
        operation.write(file, at, size_bytes, offset_bytes);
      }
      return outcome();
    };
    const std::size_t unit_bytes = way.unit_bytes;
    BOOST_TEST((transfer(address, unit_bytes, 3 * unit_bytes) == EngineError::none));
    BOOST_TEST(operation.result().size_bytes() == unit_bytes);
    std::array<iovec, 3> parts{{{address + 2 * unit_bytes, unit_bytes},
                                {address, 2 * unit_bytes},
                                {address + 5 * unit_bytes, unit_bytes}}};
    if (way.reads) {
      operation.readv(file, parts, unit_bytes);
      BOOST_TEST((outcome() == EngineError::none));
      BOOST_TEST(operation.result().size_bytes() == 4 * unit_bytes);
      if (!place->is(PlaceKind::fuse)) {
        const auto text = [&](std::size_t place_bytes, std::size_t size_bytes) {
          return std::string_view(reinterpret_cast<const char*>(address) + place_bytes, size_bytes);
        };
        BOOST_TEST(support::is_pattern(text(2 * unit_bytes, unit_bytes), unit_bytes));
        BOOST_TEST(support::is_pattern(text(0, 2 * unit_bytes), 2 * unit_bytes));
        BOOST_TEST(support::is_pattern(text(5 * unit_bytes, unit_bytes), 4 * unit_bytes));
      }
    }
    if (claim.memory_bytes > 1)
      BOOST_TEST((transfer(buffer.data() + claim.memory_bytes / 2, unit_bytes, 0) ==
                  EngineError::misaligned_address));
    if (unit_bytes == 1) continue;  // it is not direct
    BOOST_TEST((transfer(address, unit_bytes / 2, 0) == EngineError::misaligned_length));
    BOOST_TEST((transfer(address, unit_bytes, unit_bytes / 2) == EngineError::misaligned_offset));
    parts = {{{address, unit_bytes}, {address, unit_bytes / 2}, {address, unit_bytes / 2}}};
    way.reads ? operation.readv(file, parts, 0) : operation.writev(file, parts, 0);
    BOOST_TEST((outcome() == EngineError::misaligned_length));
    BOOST_TEST(engine.under_way() == 0U);
  }
}

// Only the writes that go to the end, wherever that is, have an offset that means nothing.
BOOST_DATA_TEST_CASE(an_offset_has_to_be_aligned_unless_it_is_ignored,
                     data::make(support::places_for_data()), name) {
  const Place* const place = Place::get(name);
  if (place == nullptr || place->is(PlaceKind::device)) return;
  const std::string path = place->make_file(file_bytes);
  const kaio::File file(path.c_str(), {.flags = O_RDWR});
  if (!file.is_direct()) return;
  const kaio::File appended(path.c_str(), {.flags = O_RDWR | O_APPEND});
  const std::size_t size_bytes = file.alignment().write_bytes;
  const kaio::Buffer buffer(size_bytes);
  kaio::Engine engine({.depth = 8});
  kaio::Operation operation;
  const auto outcome = [&] {
    const EngineError refusal = engine.submit(operation).reason();
    engine.drain();
    return refusal;
  };
  operation.write(file, buffer.data(), size_bytes, 1).set_flags(RWF_APPEND);
  BOOST_TEST((outcome() == EngineError::none));
  BOOST_TEST(operation.result().value() == size_bytes);
  operation.read(file, buffer.data(), size_bytes, 1);
  BOOST_TEST((outcome() == EngineError::misaligned_offset));
  operation.set_flags(0).write(appended, buffer.data(), size_bytes, 1);
  BOOST_TEST((outcome() == EngineError::none));
  BOOST_TEST(operation.result().value() == size_bytes);
  operation.read(appended, buffer.data(), size_bytes, 1);
  BOOST_TEST((outcome() == EngineError::misaligned_offset));
  BOOST_TEST(file.size_bytes() == file_bytes + 2 * size_bytes);
}

BOOST_AUTO_TEST_SUITE_END()
