// SPDX-License-Identifier: MIT
// SIGEV_EVENTFD.
#include "cases.h"

#include <cstdint>
#include <sys/eventfd.h>

BOOST_AUTO_TEST_SUITE(notification_eventfd)

BOOST_AUTO_TEST_CASE(an_eventfd_is_added_to_once_per_completion) {
  const Storage storage{StorageKind::buffered_file};
  const Fd event = make_eventfd(0, O_NONBLOCK);
  std::vector<Request> requests;
  for (int index = 0; index < 200; ++index) {
    requests.push_back(Request::to_read(index % 10 == 7 ? -1 : storage.fd(), 16, index));
    requests.back()->aio_sigevent.sigev_notify = SIGEV_EVENTFD;
    requests.back()->aio_sigevent.sigev_notify_eventfd = event.get();
    BOOST_REQUIRE(aio_read(requests.back()) == 0);
  }
  std::uint64_t total = 0;
  const auto add = [&] {
    std::uint64_t count = 0;
    if (::read(event.get(), &count, sizeof count) == sizeof count) total += count;
    int done_count = 0;
    for (const Request& request : requests) done_count += !in_progress(request);
    BOOST_TEST(total <= done_count);  // never before the status
    return total >= 200;
  };
  BOOST_TEST(eventually(add));
  BOOST_TEST(stays([&] { return add() && total == 200; }));
}

BOOST_DATA_TEST_CASE(an_eventfd_tells_of_streams_and_cancelled_ones, data::make(channel_kinds()),
                     kind) {
  const Channel channel{kind};
  const Fd event = make_eventfd(0, O_NONBLOCK);
  std::vector<Request> reads;
  for (int index = 0; index < 2; ++index) {
    reads.push_back(Request::to_read(channel.reader(), 10));
    reads.back()->aio_sigevent.sigev_notify = SIGEV_EVENTFD;
    reads.back()->aio_sigevent.sigev_notify_eventfd = event.get();
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  std::uint64_t count = 0;
  const auto is_told = [&] { return ::read(event.get(), &count, sizeof count) > 0; };
  BOOST_TEST(stays([&] { return !is_told(); }, 20ms));
  channel.send("text");
  BOOST_TEST(eventually(is_told));
  BOOST_TEST(count == 1);
  BOOST_TEST(aio_cancel(channel.reader(), reads[1]) == AIO_CANCELED);
  BOOST_TEST(eventually(is_told));
  BOOST_TEST(count == 1);
}

BOOST_DATA_TEST_CASE(an_eventfd_tells_of_a_list, data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  const Fd event = make_eventfd(0, O_NONBLOCK);
  const Request first = Request::to_read(channel.reader(), 4);
  const Request second = Request::to_read(channel.reader(), 4);
  aiocb* const list[] = {first, second};
  sigevent all{};
  all.sigev_notify = SIGEV_EVENTFD;
  all.sigev_notify_eventfd = event.get();
  BOOST_REQUIRE(lio_listio(LIO_NOWAIT, list, 2, &all) == 0);
  std::uint64_t count = 0;
  const auto is_told = [&] { return ::read(event.get(), &count, sizeof count) > 0; };
  channel.send("text");
  BOOST_TEST(wait_done(first) == 0);
  BOOST_TEST(stays([&] { return !is_told(); }, 20ms));
  channel.send("text");
  BOOST_TEST(eventually(is_told));
  BOOST_TEST(count == 1);
}

// A counter at its maximum would make an addition wait: nobody of ours may.
BOOST_AUTO_TEST_CASE(a_full_eventfd_holds_up_nobody) {
  const Storage storage{StorageKind::buffered_file};
  const Fd event = make_eventfd();
  BOOST_REQUIRE(::eventfd_write(event.get(), UINT64_MAX - 1) == 0);
  std::vector<Request> reads;
  for (int index = 0; index < 20; ++index) {
    reads.push_back(Request::to_read(storage.fd(), 16, index));
    reads.back()->aio_sigevent.sigev_notify = SIGEV_EVENTFD;
    reads.back()->aio_sigevent.sigev_notify_eventfd = event.get();
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  wait_all_done(reads);
  Callbacks callbacks;
  const Request other = Request::to_read(storage.fd(), 16);
  callbacks.attach(other->aio_sigevent);
  BOOST_REQUIRE(aio_read(other) == 0);
  BOOST_TEST(callbacks.wait_for(1));
}

BOOST_AUTO_TEST_CASE(what_is_no_eventfd_does_no_harm) {
  const Storage storage{StorageKind::buffered_file, 100};
  for (const int fd : {-1, 1 << 30}) {
    const Request read = Request::to_read(storage.fd(), 16);
    read->aio_sigevent.sigev_notify = SIGEV_EVENTFD;
    read->aio_sigevent.sigev_notify_eventfd = fd;
    const int number = errno_of([&] { return aio_read(read); });
    BOOST_TEST((number == 0 || number == EINVAL || number == EBADF));
    if (number == 0) BOOST_TEST(wait_done(read) == 0);
  }
}

BOOST_AUTO_TEST_SUITE_END()
