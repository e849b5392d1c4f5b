// SPDX-License-Identifier: MIT
#include "cases.h"

BOOST_AUTO_TEST_SUITE(error_status)

BOOST_DATA_TEST_CASE(it_is_EINPROGRESS_then_0, data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  const Request read = Request::to_read(channel.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(aio_error(read) == EINPROGRESS);
  channel.send("text");
  BOOST_TEST(eventually([&] { return aio_error(read) != EINPROGRESS; }));
  BOOST_TEST(aio_error(read) == 0);
}

BOOST_AUTO_TEST_CASE(it_is_the_error_number_of_what_failed) {
  const Request read = Request::to_read(-1, 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == EBADF);
  BOOST_TEST(aio_error(read) == EBADF);
}

BOOST_AUTO_TEST_CASE(it_is_ECANCELED_of_what_was_cancelled) {
  const Channel pipe{ChannelKind::pipe};
  const Request read = Request::to_read(pipe.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_REQUIRE(aio_cancel(pipe.reader(), read) == AIO_CANCELED);
  BOOST_TEST(aio_error(read) == ECANCELED);
}

BOOST_AUTO_TEST_CASE(it_is_0_of_what_was_never_submitted) {
  const aiocb block{};
  BOOST_TEST(aio_error(&block) == 0);
}

BOOST_AUTO_TEST_CASE(it_stays_the_same_after_aio_return) {
  const Storage storage{StorageKind::buffered_file};
  const Request good = Request::to_read(storage.fd(), 10);
  const Request bad = Request::to_read(storage.fd(), 10, -1);
  BOOST_REQUIRE(aio_read(good) == 0);
  BOOST_REQUIRE(aio_read(bad) == 0);
  wait_done(good);
  wait_done(bad);
  aio_return(good);
  aio_return(bad);
  BOOST_TEST(aio_error(good) == 0);
  BOOST_TEST(aio_error(bad) == EINVAL);
}

BOOST_AUTO_TEST_CASE(asking_does_not_change_errno) {
  const Channel pipe{ChannelKind::pipe};
  const Request waiting = Request::to_read(pipe.reader(), 10);
  const Request bad = Request::to_read(-1, 10);
  BOOST_REQUIRE(aio_read(waiting) == 0);
  BOOST_REQUIRE(aio_read(bad) == 0);
  wait_done(bad);
  errno = 1234;
  const int errors[] = {aio_error(waiting), aio_error(bad)};
  const int number = errno;
  BOOST_TEST(number == 1234);
  BOOST_TEST(errors[0] == EINPROGRESS);
  BOOST_TEST(errors[1] == EBADF);
}

// A program that only asks, and never waits, has to see the end.
BOOST_DATA_TEST_CASE(asking_again_and_again_is_enough, data::make(storage_kinds()), kind) {
  const Storage storage{kind};
  for (int round = 0; round < 50; ++round) {
    const Request read = Request::to_read(storage.fd(), 4096, round * 4096);
    BOOST_REQUIRE(aio_read(read) == 0);
    const auto deadline = Clock::now() + patience;
    while (aio_error(read) == EINPROGRESS && Clock::now() < deadline) {
    }
    BOOST_REQUIRE(aio_error(read) == 0);
    BOOST_TEST(aio_return(read) == 4096);
  }
}

BOOST_AUTO_TEST_SUITE_END()
