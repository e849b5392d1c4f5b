// SPDX-License-Identifier: MIT
// aio_read2() and aio_write2(): flags for one request.
#include "cases.h"

#include <sys/uio.h>

BOOST_AUTO_TEST_SUITE(flags)

BOOST_DATA_TEST_CASE(without_flags_it_is_the_plain_function, data::make(storage_kinds()), kind) {
  const Storage storage{kind};
  const Request read = Request::to_read(storage.fd(), 4096, 4096);
  BOOST_REQUIRE(aio_read2(read, 0) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(is_pattern(read.text(4096), 4096));
  const Request write = Request::to_write(storage.fd(), pattern(4096, 0, 1), 8192);
  BOOST_REQUIRE(aio_write2(write, 0) == 0);
  BOOST_TEST(wait_done(write) == 0);
  BOOST_TEST(aio_return(write) == 4096);
  BOOST_TEST(is_pattern(storage.read(4096, 8192), 0, 1));
}

BOOST_DATA_TEST_CASE(an_unknown_flag_says_EINVAL, data::make(both_directions()), direction) {
  const Storage storage{StorageKind::buffered_file};
  const auto call = direction == Direction::read ? aio_read2 : aio_write2;
  for (const int flags : {0x20000, 0x40000000, -1, 0x8, 0x20, 0x100}) {
    const Request request = Request::to_read(storage.fd(), 4096);
    BOOST_TEST(errno_of([&] { return call(request, flags); }) == EINVAL);
  }
}

BOOST_DATA_TEST_CASE(a_durable_write_writes,
                     data::make(storage_kinds()) *
                         data::make({AIO_OP2_DSYNC, AIO_OP2_SYNC, AIO_OP2_DSYNC | AIO_OP2_SYNC}),
                     kind, flags) {
  const Storage storage{kind};
  const Request write = Request::to_write(storage.fd(), pattern(4096, 0, 1), 8192);
  BOOST_REQUIRE(aio_write2(write, flags) == 0);
  BOOST_TEST(wait_done(write) == 0);
  BOOST_TEST(aio_return(write) == 4096);
  BOOST_TEST(is_pattern(storage.read(4096, 8192), 0, 1));
}

// preadv2() and pwritev2() take -1 for the file's position.
BOOST_DATA_TEST_CASE(an_offset_of_minus_one_says_EINVAL_and_transfers_nothing,
                     data::make(storage_kinds()) *
                         data::make({AIO_OP2_DSYNC, AIO_OP2_SYNC, AIO_OP2_APPEND}),
                     kind, flags) {
  const Storage storage{kind};
  ::lseek(storage.fd(), 4096, SEEK_SET);
  // Some that may teach it to go another way.
  for (int index = 0; index < 4; ++index) {
    const Request plain = Request::to_write(storage.fd(), pattern(4096));
    BOOST_REQUIRE(aio_write(plain) == 0);
    BOOST_REQUIRE(wait_done(plain) == 0);
  }
  const Request write = Request::to_write(storage.fd(), std::string(4096, 'x'), -1);
  const int error = errno_of([&] { return aio_write2(write, flags); });
  BOOST_TEST((error == 0 ? wait_done(write) : error) == EINVAL);
  BOOST_TEST(::lseek(storage.fd(), 0, SEEK_CUR) == 4096);
  BOOST_TEST(is_pattern(storage.read(4096, 4096), 4096));
}

BOOST_DATA_TEST_CASE(an_appending_write_goes_to_the_end,
                     data::make({StorageKind::buffered_file, StorageKind::tmpfs_file}), kind) {
  const Storage storage{kind, 100};
  for (int round = 0; round < 10; ++round) {
    const Request write = Request::to_write(storage.fd(), std::to_string(round), 0);
    BOOST_REQUIRE(aio_write2(write, AIO_OP2_APPEND) == 0);
    BOOST_TEST(wait_done(write) == 0);
    BOOST_TEST(aio_return(write) == 1);
  }
  BOOST_TEST(is_pattern(storage.read(100, 0)));
  BOOST_TEST(storage.read(100, 100) == "0123456789");
}

BOOST_AUTO_TEST_CASE(appending_writes_arrive_in_call_order) {
  const Storage storage{StorageKind::buffered_file, 0};
  std::string expected;
  std::vector<Request> writes;
  for (int index = 0; index < 300; ++index) {
    const std::string line = "line " + std::to_string(index) + "\n";
    expected += line;
    writes.push_back(Request::to_write(storage.fd(), line));
    BOOST_REQUIRE(aio_write2(writes.back(), AIO_OP2_APPEND) == 0);
  }
  wait_all_done(writes);
  BOOST_TEST(storage.read(expected.size() + 1, 0) == expected);
}

BOOST_DATA_TEST_CASE(the_vector_flag_means_a_vector, data::make(storage_kinds()), kind) {
  const Storage storage{kind};
  const AlignedBuffer memory{8192};
  iovec pieces[] = {{memory.data() + 4096, 4096}, {memory.data(), 4096}};
  const Request read = Request::over(storage.fd(), pieces, 2, 4096);
  BOOST_REQUIRE(aio_read2(read, AIO_OP2_VECTORED) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(aio_return(read) == 8192);
  BOOST_TEST(is_pattern(memory.text().substr(4096), 4096));
  BOOST_TEST(is_pattern(memory.text().substr(0, 4096), 8192));
  const Request write = Request::over(storage.fd(), pieces, 2, 65536);
  BOOST_REQUIRE(aio_write2(write, AIO_OP2_VECTORED | AIO_OP2_DSYNC) == 0);
  BOOST_TEST(wait_done(write) == 0);
  BOOST_TEST(is_pattern(storage.read(8192, 65536), 4096));
}

// What the kernel or the file system cannot do is the status.
BOOST_DATA_TEST_CASE(a_flag_that_is_not_supported_says_EOPNOTSUPP,
                     data::make(storage_kinds()) * data::make({AIO_OP2_ATOMIC, AIO_OP2_DONTCACHE}),
                     kind, flag) {
  const Storage storage{kind};
  iovec piece;
  const AlignedBuffer memory{4096};
  piece = {memory.data(), 4096};
  const int expected = errno_of([&] { return ::pwritev2(storage.fd(), &piece, 1, 0, flag); });
  const Request write = Request::to_write(storage.fd(), memory.text());
  BOOST_REQUIRE(aio_write2(write, flag) == 0);
  BOOST_TEST(wait_done(write) == expected);
}

BOOST_AUTO_TEST_CASE(a_polled_read_of_an_O_DIRECT_file_ends, *with_direct_io()) {
  const Storage storage{StorageKind::direct_file};
  const Request read = Request::to_read(storage.fd(), 4096, 4096);
  BOOST_REQUIRE(aio_read2(read, AIO_OP2_HIPRI) == 0);
  const int status = wait_done(read);
  BOOST_TEST((status == 0 || status == EOPNOTSUPP));
  if (status == 0) BOOST_TEST(is_pattern(read.text(4096), 4096));
}

BOOST_AUTO_TEST_CASE(a_block_in_progress_or_a_bad_priority_says_EINVAL) {
  const Channel pipe{ChannelKind::pipe};
  const Request read = Request::to_read(pipe.reader(), 10);
  BOOST_REQUIRE(aio_read2(read, 0) == 0);
  BOOST_TEST(errno_of([&] { return aio_read2(read, 0); }) == EINVAL);
  const Request other = Request::to_read(pipe.reader(), 10);
  other->aio_reqprio = -1;
  BOOST_TEST(errno_of([&] { return aio_read2(other, 0); }) == EINVAL);
}

BOOST_AUTO_TEST_SUITE_END()
