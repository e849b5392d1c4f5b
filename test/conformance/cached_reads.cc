// SPDX-License-Identifier: MIT
// Reads of cached pages, which become calls of the submitting thread.
#include "cases.h"

#include <kaio/aio.h>

BOOST_AUTO_TEST_SUITE(cached_reads, *on_route({Route::automatic}))

namespace {

kaio_statistics statistics_now() {
  kaio_statistics now{};
  BOOST_REQUIRE(kaio_get_statistics(&now, sizeof now) == 0);
  return now;
}

// Each is done when the call returns.
void read_all(const Storage& storage, int count) {
  for (int index = 0; index < count; ++index) {
    const Request read = Request::to_read(storage.fd(), 4096, 4096 * index);
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_TEST(wait_done(read) == 0);
    BOOST_TEST(aio_return(read) == 4096);
    BOOST_TEST(support::is_pattern(read.text(4096), 4096U * static_cast<unsigned>(index)));
  }
}

// As many as it takes to be known as cached; more under a number that was O_DIRECT.
void make_known(const Storage& storage) {
  const auto before = statistics_now();
  for (int round = 0; round < 20 && statistics_now().by_caller == before.by_caller; ++round)
    read_all(storage, 30);
  BOOST_REQUIRE(statistics_now().by_caller > before.by_caller);
}

}  // namespace

BOOST_AUTO_TEST_CASE(after_some_that_were_done_at_once_they_need_no_kernel_AIO) {
  const Storage storage{StorageKind::buffered_file};
  make_known(storage);
  const auto before = statistics_now();
  read_all(storage, 30);
  const auto after = statistics_now();
  BOOST_TEST(after.by_caller - before.by_caller == 30);
  BOOST_TEST(after.io_submit_calls == before.io_submit_calls);
}

BOOST_AUTO_TEST_CASE(the_same_number_with_O_DIRECT_is_not_waited_for, *with_direct_io()) {
  const Storage storage{StorageKind::buffered_file};
  make_known(storage);
  const auto before = statistics_now();
  const Fd direct = storage.open_again(O_RDONLY | O_DIRECT);
  BOOST_REQUIRE(::dup2(direct.get(), storage.fd()) == storage.fd());
  for (int index = 0; index < 10; ++index) {
    const Request read = Request::to_read(storage.fd(), 4096, 4096 * index);
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_TEST(wait_done(read) == 0);
  }
  BOOST_TEST(statistics_now().by_caller == before.by_caller);
}

BOOST_AUTO_TEST_CASE(the_end_of_the_file_is_found) {
  const Storage storage{StorageKind::buffered_file};
  make_known(storage);
  const off_t size_bytes = ::lseek(storage.fd(), 0, SEEK_END);
  const Request last = Request::to_read(storage.fd(), 4096, size_bytes - 100);
  BOOST_REQUIRE(aio_read(last) == 0);
  BOOST_TEST(wait_done(last) == 0);
  BOOST_TEST(aio_return(last) == 100);
}

BOOST_AUTO_TEST_CASE(the_file_position_is_neither_used_nor_moved) {
  const Storage storage{StorageKind::buffered_file};
  make_known(storage);
  BOOST_REQUIRE(::lseek(storage.fd(), 8192, SEEK_SET) == 8192);
  read_all(storage, 10);
  const Request read = Request::to_read(storage.fd(), 4096, -1);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == EINVAL);
  BOOST_TEST(::lseek(storage.fd(), 0, SEEK_CUR) == 8192);
}

BOOST_AUTO_TEST_CASE(a_pipe_under_the_same_number_keeps_its_order) {
  const Storage storage{StorageKind::buffered_file};
  make_known(storage);
  const Channel pipe{ChannelKind::pipe};
  BOOST_REQUIRE(::dup2(pipe.reader(), storage.fd()) == storage.fd());
  const Request first = Request::to_read(storage.fd(), 3);
  const Request second = Request::to_read(storage.fd(), 3);
  BOOST_REQUIRE(aio_read(first) == 0);
  BOOST_REQUIRE(aio_read(second) == 0);
  pipe.send("onetwo");
  BOOST_TEST(wait_done(first) == 0);
  BOOST_TEST(wait_done(second) == 0);
  BOOST_TEST(first.text(3) == "one");
  BOOST_TEST(second.text(3) == "two");
}

BOOST_AUTO_TEST_CASE(they_are_notified_and_retrieved_like_all_others) {
  const Storage storage{StorageKind::buffered_file};
  make_known(storage);
  const Fd event = make_eventfd();
  const auto before = statistics_now();
  Request read = Request::to_read(storage.fd(), 4096);
  read->aio_sigevent.sigev_notify = SIGEV_EVENTFD;
  read->aio_sigevent.sigev_notify_eventfd = event.get();
  BOOST_REQUIRE(aio_read(read) == 0);
  std::uint64_t count = 0;
  BOOST_TEST(::read(event.get(), &count, sizeof count) == 8);
  BOOST_TEST(count == 1);
  BOOST_TEST(statistics_now().by_caller - before.by_caller == 1);
  BOOST_TEST(wait_done(read) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
