// SPDX-License-Identifier: MIT
// The 64 aliases, and that whatever name a program uses means kaio.
#include "cases.h"

#include <cstddef>
#include <dlfcn.h>

// A part of the program that was compiled with 64-bit offsets: aio64_large.cc.
int read_with_large_offsets(int fd, void* buffer, std::size_t size_bytes, long offset);

BOOST_AUTO_TEST_SUITE(names)

namespace {

aiocb64* as_64(aiocb* block) { return reinterpret_cast<aiocb64*>(block); }

std::string object_of(const char* symbol) {
  void* address = ::dlsym(RTLD_DEFAULT, symbol);
  Dl_info info{};
  if (address == nullptr || ::dladdr(address, &info) == 0) return "nowhere";
  return info.dli_fname;
}

}  // namespace

BOOST_DATA_TEST_CASE(
    every_name_is_that_of_one_library,
    data::make({"aio_read",     "aio_write",        "aio_fsync",      "aio_error",
                "aio_return",   "aio_suspend",      "aio_cancel",     "lio_listio",
                "aio_init",     "aio_read64",       "aio_write64",    "aio_fsync64",
                "aio_error64",  "aio_return64",     "aio_suspend64",  "aio_cancel64",
                "lio_listio64", "aio_readv",        "aio_writev",     "aio_read2",
                "aio_write2",   "aio_waitcomplete", "kaio_set_option"}),
    name) {
  BOOST_TEST(object_of(name) == object_of("kaio_get_statistics"));
}

BOOST_AUTO_TEST_CASE(the_layouts_are_the_same) {
  BOOST_TEST(sizeof(aiocb) == sizeof(aiocb64));
  BOOST_TEST(offsetof(aiocb, aio_offset) == offsetof(aiocb64, aio_offset));
  BOOST_TEST(offsetof(aiocb, aio_sigevent) == offsetof(aiocb64, aio_sigevent));
}

BOOST_AUTO_TEST_CASE(what_one_name_submits_the_other_can_ask_about) {
  const Channel pipe{ChannelKind::pipe};
  const Request first = Request::to_read(pipe.reader(), 4);
  const Request second = Request::to_read(pipe.reader(), 4);
  BOOST_REQUIRE(aio_read64(as_64(first)) == 0);
  BOOST_REQUIRE(aio_read(second) == 0);
  BOOST_TEST(aio_error(first) == EINPROGRESS);
  BOOST_TEST(aio_error64(as_64(second)) == EINPROGRESS);
  BOOST_TEST(errno_of([&] { return aio_read(first); }) == EINVAL);
  BOOST_TEST(errno_of([&] { return aio_read64(as_64(second)); }) == EINVAL);
  pipe.send("text");
  const aiocb64* const list64[] = {as_64(first)};
  BOOST_TEST(aio_suspend64(list64, 1, nullptr) == 0);
  BOOST_TEST(aio_return(first) == 4);
  BOOST_TEST(aio_return64(as_64(first)) == 4);
  BOOST_TEST(aio_cancel64(pipe.reader(), as_64(second)) == AIO_CANCELED);
  BOOST_TEST(aio_error(second) == ECANCELED);
}

BOOST_AUTO_TEST_CASE(files_are_read_and_written) {
  const Storage storage{StorageKind::buffered_file};
  const Request write = Request::to_write(storage.fd(), pattern(4096, 0, 1), 4096);
  BOOST_REQUIRE(aio_write64(as_64(write)) == 0);
  BOOST_TEST(wait_done(write) == 0);
  const Request sync = Request::to_sync(storage.fd());
  BOOST_REQUIRE(aio_fsync64(O_SYNC, as_64(sync)) == 0);
  BOOST_TEST(wait_done(sync) == 0);
  const Request read = Request::to_read(storage.fd(), 4096, 4096);
  aiocb64* const list[] = {as_64(read)};
  BOOST_TEST(lio_listio64(LIO_WAIT, list, 1, nullptr) == 0);
  BOOST_TEST(aio_return64(as_64(read)) == 4096);
  BOOST_TEST(is_pattern(read.text(4096), 0, 1));
}

BOOST_AUTO_TEST_CASE(a_program_with_64_bit_offsets_works) {
  const Storage storage{StorageKind::buffered_file};
  std::string buffer(1000, '\0');
  BOOST_TEST(read_with_large_offsets(storage.fd(), buffer.data(), buffer.size(), 5000) == 1000);
  BOOST_TEST(is_pattern(buffer, 5000));
}

BOOST_AUTO_TEST_CASE(offsets_beyond_four_gigabytes_work) {
  const Storage storage{StorageKind::buffered_file, 0};
  const off_t far_away = (off_t{1} << 33) + 12345;
  const Request write = Request::to_write(storage.fd(), "far away", far_away);
  BOOST_REQUIRE(aio_write(write) == 0);
  BOOST_TEST(wait_done(write) == 0);
  BOOST_TEST(storage.read(100, far_away) == "far away");
  const Request read = Request::to_read(storage.fd(), 100, far_away + 4);
  BOOST_REQUIRE(aio_read64(as_64(read)) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_return(read) == 4);
}

BOOST_AUTO_TEST_SUITE_END()
