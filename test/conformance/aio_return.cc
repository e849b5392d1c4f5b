// SPDX-License-Identifier: MIT
#include "cases.h"

BOOST_AUTO_TEST_SUITE(result)

BOOST_AUTO_TEST_CASE(it_is_the_number_of_bytes) {
  const Storage storage{StorageKind::buffered_file};
  const Request read = Request::to_read(storage.fd(), 1234);
  BOOST_REQUIRE(aio_read(read) == 0);
  wait_done(read);
  BOOST_TEST(aio_return(read) == 1234);
}

BOOST_AUTO_TEST_CASE(it_is_minus_one_of_what_failed) {
  const Request read = Request::to_read(-1, 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  wait_done(read);
  BOOST_TEST(aio_return(read) == -1);
}

BOOST_AUTO_TEST_CASE(it_is_minus_one_of_what_was_cancelled) {
  const Channel pipe{ChannelKind::pipe};
  const Request read = Request::to_read(pipe.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_REQUIRE(aio_cancel(pipe.reader(), read) == AIO_CANCELED);
  BOOST_TEST(aio_return(read) == -1);
}

BOOST_AUTO_TEST_CASE(asked_again_it_is_the_same) {
  const Storage storage{StorageKind::buffered_file};
  const Request good = Request::to_read(storage.fd(), 77);
  const Request bad = Request::to_read(-1, 77);
  BOOST_REQUIRE(aio_read(good) == 0);
  BOOST_REQUIRE(aio_read(bad) == 0);
  wait_done(good);
  wait_done(bad);
  for (int round = 0; round < 3; ++round) {
    BOOST_TEST(aio_return(good) == 77);
    BOOST_TEST(aio_return(bad) == -1);
  }
}

BOOST_AUTO_TEST_CASE(it_is_0_of_what_was_never_submitted) {
  aiocb block{};
  BOOST_TEST(aio_return(&block) == 0);
}

BOOST_AUTO_TEST_CASE(it_may_be_taken_without_aio_error) {
  const Storage storage{StorageKind::buffered_file};
  const Request read = Request::to_read(storage.fd(), 77);
  BOOST_REQUIRE(aio_read(read) == 0);
  const aiocb* const list[] = {read};
  BOOST_REQUIRE(aio_suspend(list, 1, nullptr) == 0);
  BOOST_TEST(aio_return(read) == 77);
}

BOOST_AUTO_TEST_CASE(the_result_of_an_earlier_use_of_the_block_is_forgotten) {
  const Storage storage{StorageKind::buffered_file};
  const Request request = Request::to_read(-1, 77);
  BOOST_REQUIRE(aio_read(request) == 0);
  wait_done(request);
  BOOST_TEST(aio_return(request) == -1);
  request->aio_fildes = storage.fd();
  BOOST_REQUIRE(aio_read(request) == 0);
  BOOST_TEST(wait_done(request) == 0);
  BOOST_TEST(aio_return(request) == 77);
}

BOOST_AUTO_TEST_SUITE_END()
