// SPDX-License-Identifier: MIT
#include "posix/notify/direct_sender.h"
#include "support/channel.h"
#include "support/deadline.h"
#include "support/limit.h"
#include "support/precondition.h"
#include "support/signals.h"
#include "unit/faked_calls.h"
#include "unit/posix/notify/outbox.h"

#include <boost/test/unit_test.hpp>

#include <deque>
#include <fstream>
#include <string>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>

using kaio::DirectSender;
using kaio::Request;
using unit::Outbox;

BOOST_AUTO_TEST_SUITE(signal_sending)

namespace {

std::atomic<int> places{0};  // in the faked signal queue
std::atomic<int> delivered{0};
std::vector<int> values;

int queue_with_places(pid_t, int, siginfo_t* info) {
  if (places == 0) return -EAGAIN;
  --places;
  ++delivered;
  values.push_back(info->si_value.sival_int);
  return 0;
}

// Refuses at random, from many threads.
int moody_queue(pid_t, int, siginfo_t*) {
  thread_local unsigned state = 1;
  state = state * 1664525 + 1013904223;
  if (state >> 30 == 0) return -EAGAIN;
  ++delivered;
  return 0;
}

kaio::Notification signal_of(int value) {
  kaio::Notification notification;
  notification.kind = kaio::Notification::Kind::signal;
  notification.signal_number = SIGUSR1;
  notification.value.sival_int = value;
  return notification;
}

struct Bench {
  Outbox outbox;
  kaio::Statistics statistics;
  DirectSender sender{outbox, statistics};
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_signal_says_that_it_is_of_asynchronous_io) {
  const support::BlockedSignal blocked(SIGUSR1);
  Bench bench;
  Request request;
  request.notification = signal_of(42);
  BOOST_TEST(bench.sender.send(request));
  const auto info = blocked.next();
  BOOST_REQUIRE(info.has_value());
  BOOST_TEST(info->si_code == SI_ASYNCIO);
  BOOST_TEST(info->si_value.sival_int == 42);
  BOOST_TEST(info->si_pid == ::getpid());
  BOOST_TEST(info->si_uid == ::getuid());
  BOOST_TEST(bench.outbox.count == 1);
  BOOST_TEST(bench.statistics.get(kaio::Count::notified_signal) == 1u);
}

BOOST_AUTO_TEST_CASE(a_signal_to_a_thread_reaches_that_thread_and_to_a_dead_one_is_over) {
  const support::BlockedSignal blocked(SIGUSR1);
  Bench bench;
  Request request;
  request.notification = signal_of(1);
  request.notification.kind = kaio::Notification::Kind::thread_signal;
  request.notification.target = ::gettid();
  BOOST_TEST(bench.sender.send(request));
  BOOST_TEST(blocked.next().has_value());
  pid_t dead = 0;
  std::thread([&] { dead = ::gettid(); }).join();
  support::eventually([&] { return ::tgkill(::getpid(), dead, 0) != 0; });
  request.notification.target = dead;
  BOOST_TEST(bench.sender.send(request));
  BOOST_TEST(bench.outbox.count == 2);
  BOOST_TEST(bench.statistics.get(kaio::Count::notified_signal) == 1u);
}

BOOST_AUTO_TEST_CASE(when_the_queue_is_full_all_wait_in_order_and_none_is_lost) {
  unit::FakedCalls calls;
  calls->queue_signal = queue_with_places;
  Bench bench;
  values.clear();
  std::deque<Request> requests(10);
  for (int i = 0; i < 10; ++i) requests[i].notification = signal_of(i);
  places = 2;
  for (int i = 0; i < 5; ++i) BOOST_TEST(bench.sender.send(requests[i]) == (i < 2));
  BOOST_TEST(!bench.sender.try_again());
  places = 2;
  // There is room, but others wait already.
  BOOST_TEST(!bench.sender.send(requests[5]));
  BOOST_TEST(!bench.sender.try_again());
  BOOST_TEST(bench.outbox.count == 4);
  for (int i = 6; i < 10; ++i) BOOST_TEST(!bench.sender.send(requests[i]));
  places = 100;
  BOOST_TEST(bench.sender.try_again());
  BOOST_TEST(bench.sender.try_again());
  BOOST_TEST((values == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  BOOST_TEST(bench.outbox.count == 10);
  Request last;
  last.notification = signal_of(10);
  BOOST_TEST(bench.sender.send(last));
}

kaio::Notification add_to(int fd) {
  kaio::Notification notification;
  notification.kind = kaio::Notification::Kind::eventfd;
  notification.target = fd;
  return notification;
}

std::uint64_t count_of(int fd) {
  std::uint64_t count = 0;
  return ::read(fd, &count, sizeof count) == sizeof count ? count : 0;
}

BOOST_AUTO_TEST_CASE(a_full_eventfd_delays_no_signal_and_no_other_eventfd) {
  unit::FakedCalls calls;
  calls->queue_signal = queue_with_places;
  places = 10;
  values.clear();
  Bench bench;
  const support::Fd full = support::make_eventfd(0, EFD_NONBLOCK);
  const support::Fd other = support::make_eventfd(0, EFD_NONBLOCK);
  constexpr std::uint64_t most = UINT64_MAX - 1;
  BOOST_REQUIRE(::write(full.get(), &most, sizeof most) == sizeof most);
  Request to_full, to_other, signal, again;
  to_full.notification = again.notification = add_to(full.get());
  to_other.notification = add_to(other.get());
  signal.notification = signal_of(1);
  BOOST_TEST(!bench.sender.send(to_full));
  BOOST_TEST(!bench.sender.send(again));
  BOOST_TEST(bench.sender.send(to_other));
  BOOST_TEST(bench.sender.send(signal));
  BOOST_TEST(count_of(other.get()) == 1u);
  BOOST_TEST((values == std::vector<int>{1}));
  BOOST_TEST(!bench.sender.try_again());
  BOOST_TEST(count_of(full.get()) == most);
  BOOST_TEST(bench.sender.try_again());
  BOOST_TEST(count_of(full.get()) == 2u);
  BOOST_TEST(bench.outbox.count == 4);
}

BOOST_AUTO_TEST_CASE(a_full_signal_queue_delays_no_eventfd) {
  unit::FakedCalls calls;
  calls->queue_signal = queue_with_places;
  places = 0;
  Bench bench;
  const support::Fd event = support::make_eventfd(0, EFD_NONBLOCK);
  Request signal, counted;
  signal.notification = signal_of(1);
  counted.notification = add_to(event.get());
  BOOST_TEST(!bench.sender.send(signal));
  BOOST_TEST(bench.sender.send(counted));
  BOOST_TEST(count_of(event.get()) == 1u);
  BOOST_TEST(!bench.sender.try_again());
  places = 1;
  BOOST_TEST(bench.sender.try_again());
  BOOST_TEST(bench.outbox.count == 2);
}

rlim_t pending_of_user() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == "SigQ:" && status >> word) return std::stoul(word);
  return 0;
}

BOOST_AUTO_TEST_CASE(a_really_full_queue_loses_nothing) {
  const int number = SIGRTMIN + 3;
  const support::BlockedSignal blocked(number);
  Bench bench;
  std::deque<Request> requests(50);
  for (int i = 0; i < 50; ++i) {
    requests[i].notification = signal_of(i);
    requests[i].notification.signal_number = static_cast<std::uint8_t>(number);
  }
  int seen = 0;
  bool in_order = true;
  {
    // The limit is for all processes of the user: eight more than there are.
    const support::Limit few(RLIMIT_SIGPENDING, pending_of_user() + 8);
    for (Request& request : requests) bench.sender.send(request);
    BOOST_TEST(bench.statistics.get(kaio::Count::notification_retries) > 0u);
    while (const auto info = blocked.next(std::chrono::milliseconds(200))) {
      in_order = in_order && info->si_value.sival_int == seen;
      ++seen;
      bench.sender.try_again();
    }
  }
  BOOST_TEST(seen == 50);
  BOOST_TEST(in_order);
  BOOST_TEST(bench.outbox.count == 50);
}

// Threads send, one tries again whenever a send said that something waits.
BOOST_AUTO_TEST_CASE(whatever_is_refused_while_the_last_ones_go_out_is_not_forgotten) {
  unit::FakedCalls calls;
  calls->queue_signal = moody_queue;
  delivered = 0;
  Bench bench;
  const int each = (support::sanitized ? 20000 : 300000) / support::slowness();
  std::deque<std::deque<Request>> requests(3);
  std::atomic<int> waiting{0};
  std::atomic<bool> ending{false};
  std::thread reaper([&] {
    while (!ending) {
      if (waiting.exchange(0) == 0) continue;
      while (!bench.sender.try_again()) {
      }
    }
    if (waiting.exchange(0) != 0)
      while (!bench.sender.try_again()) {
      }
  });
  std::deque<std::thread> senders;
  for (auto& own : requests) {
    own.resize(each);
    senders.emplace_back([&] {
      for (Request& request : own) {
        request.notification = signal_of(0);
        if (!bench.sender.send(request)) waiting = 1;
      }
    });
  }
  for (std::thread& sender : senders) sender.join();
  ending = true;
  reaper.join();
  BOOST_TEST(delivered == 3 * each);
  BOOST_TEST(bench.outbox.count == 3 * each);
}

BOOST_AUTO_TEST_SUITE_END()
