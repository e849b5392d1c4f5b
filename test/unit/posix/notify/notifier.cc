// SPDX-License-Identifier: MIT
#include "posix/notify/notifier.h"
#include "support/channel.h"
#include "support/deadline.h"
#include "unit/posix/notify/outbox.h"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <thread>

using kaio::Request;

BOOST_AUTO_TEST_SUITE(notifying)

namespace {

struct Bench {
  unit::Outbox outbox;
  kaio::Statistics statistics;
  kaio::Notifier notifier{outbox, statistics};
};

}  // namespace

BOOST_AUTO_TEST_CASE(nothing_wanted_goes_straight_back) {
  Bench bench;
  Request request;
  BOOST_TEST(bench.notifier.send(request));
  BOOST_TEST(bench.outbox.count == 1);
}

BOOST_AUTO_TEST_CASE(an_eventfd_gets_one_for_each_and_errno_is_left_alone) {
  Bench bench;
  const support::Fd event = support::make_eventfd();
  Request request;
  request.notification.kind = kaio::Notification::Kind::eventfd;
  request.notification.target = event.get();
  errno = 4711;
  BOOST_TEST(bench.notifier.send(request));
  BOOST_TEST(bench.notifier.send(request));
  request.notification.target = -1;  // closed too early
  BOOST_TEST(bench.notifier.send(request));
  BOOST_TEST(errno == 4711);
  eventfd_t value = 0;
  BOOST_TEST(::eventfd_read(event.get(), &value) == 0);
  BOOST_TEST(value == 2u);
  BOOST_TEST(bench.outbox.count == 3);
  BOOST_TEST(bench.statistics.get(kaio::Count::notified_eventfd) == 2u);
}

// Completions are sent by whoever holds the reap lock: it must not block.
BOOST_AUTO_TEST_CASE(a_full_eventfd_does_not_block_the_sender) {
  Bench bench;
  const support::Fd event = support::make_eventfd();
  BOOST_REQUIRE(::eventfd_write(event.get(), UINT64_MAX - 1) == 0);
  Request request;
  request.notification.kind = kaio::Notification::Kind::eventfd;
  request.notification.target = event.get();
  std::atomic<bool> sent{false};
  std::thread sender([&] {
    bench.notifier.send(request);
    sent = true;
  });
  BOOST_TEST(support::eventually([&] { return sent.load(); }, std::chrono::seconds(2)));
  eventfd_t value = 0;
  BOOST_TEST(::eventfd_read(event.get(), &value) == 0);
  sender.join();
}

BOOST_AUTO_TEST_SUITE_END()
