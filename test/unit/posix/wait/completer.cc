// SPDX-License-Identifier: MIT
// What happens when a request ends, and in which order.
#include "unit/posix/wait/completion_bench.h"
#include "support/deadline.h"
#include "support/precondition.h"

#include <boost/test/unit_test.hpp>

#include <thread>

using kaio::Notification;
using kaio::Request;
using kaio::StatusCell;
using unit::CompletionBench;
using unit::Counter;
namespace status = kaio::status;

BOOST_AUTO_TEST_SUITE(completing)

namespace {

void notify_by(Request& request, const Counter& counter) {
  request.notification.kind = Notification::Kind::eventfd;
  request.notification.target = counter.fd();
}

}  // namespace

BOOST_AUTO_TEST_CASE(status_and_result_are_those_of_the_request) {
  CompletionBench shop;
  StatusCell cell{};
  shop.completer.complete(shop.begin(cell), 4096);
  BOOST_TEST(cell.word == status::done(0));
  BOOST_TEST(cell.result_bytes == 4096);
  shop.completer.complete(shop.begin(cell), -EIO);
  BOOST_TEST(cell.word == status::done(EIO));
  BOOST_TEST(cell.result_bytes == -1);
  BOOST_TEST(shop.statistics.get(kaio::Count::completed) == 2u);
  BOOST_TEST(shop.statistics.get(kaio::Count::cancelled) == 0u);
}

BOOST_AUTO_TEST_CASE(a_request_is_announced_to_one_or_to_several) {
  constexpr std::uint32_t first = 5;
  constexpr std::uint32_t second = ECANCELED;  // any number may be one's
  const std::uint32_t by_one = status::announced_to(status::in_progress | status::waiter, first);
  BOOST_TEST(by_one == (status::tag_in_progress | status::waiter | first));
  BOOST_TEST(status::announced_to(by_one, first) == by_one);
  const std::uint32_t by_two = status::announced_to(by_one, second);
  BOOST_TEST(by_two == (status::tag_in_progress | status::waiter | status::several));
  for (const std::uint32_t number : {first, second, status::several})
    BOOST_TEST(status::announced_to(by_two, number) == by_two);
  BOOST_TEST(status::is_in_progress(by_two));
}

BOOST_AUTO_TEST_CASE(an_end_changes_the_event_count_that_it_is_announced_to_and_no_other) {
  CompletionBench shop;
  StatusCell cell{};
  const auto count = [&shop](std::uint32_t number) {
    return shop.completer.event_counts().at(number).load();
  };
  for (const std::uint32_t number : {std::uint32_t{0}, std::uint32_t{ECANCELED}, status::several}) {
    Request& request = shop.begin(cell);
    cell.word = status::announced_to(cell.word, number);
    const auto before = count(number);
    const auto others_before = count(7);
    shop.completer.complete(request, 1);
    BOOST_TEST(count(number) == before + 1);
    BOOST_TEST(count(7) == others_before);
    BOOST_TEST(cell.word == status::done(0));
  }
}

BOOST_AUTO_TEST_CASE(who_sees_the_status_finds_the_descriptor_free) {
  const int rounds = (support::sanitized ? 2000 : 20000) / support::slowness();
  CompletionBench shop;
  StatusCell cell{};
  std::atomic<int> begun{0}, seen{0}, too_early{0};
  // Closely, and yet so that both threads can share one processor.
  const auto look_until = [](auto holds) {
    for (int looks = 0; !holds(); ++looks)
      if (looks > 1000) std::this_thread::yield();
  };
  std::thread onlooker([&] {
    for (int round = 1; round <= rounds; ++round) {
      look_until([&] { return begun.load() >= round; });
      look_until([&] { return !status::is_in_progress(cell.word.load()); });
      if (!shop.record().occupancy.now().empty() || cell.result_bytes != round) ++too_early;
      seen = round;
    }
  });
  for (int round = 1; round <= rounds; ++round) {
    Request& request = shop.begin(cell);
    cell.word |= status::waiter;  // a wake-up after publishing: time to look
    begun = round;
    shop.completer.complete(request, round);
    look_until([&] { return seen.load() >= round; });
  }
  onlooker.join();
  BOOST_TEST(too_early == 0);
}

BOOST_AUTO_TEST_CASE(who_sleeps_on_the_status_is_woken) {
  CompletionBench shop;
  StatusCell cell{};
  Request& request = shop.begin(cell);
  cell.word |= status::waiter;
  std::atomic<int> outcome{-1};
  std::thread sleeper([&] {
    outcome = kaio::sys::futex_wait(cell.word, status::in_progress | status::waiter,
                                    kaio::sys::monotonic_ns() + 10'000'000'000);
  });
  BOOST_TEST(support::stays([&] { return outcome == -1; }));
  shop.completer.complete(request, 1);
  sleeper.join();
  BOOST_TEST(outcome == 0);
  BOOST_TEST(cell.word == status::done(0));
}

BOOST_AUTO_TEST_CASE(the_leader_word_changes_for_sleepers_only) {
  CompletionBench shop;
  StatusCell cell{};
  const std::uint32_t before = shop.ring_reaper.leader_word();
  shop.completer.complete(shop.begin(cell), 1);
  BOOST_TEST(shop.ring_reaper.leader_word() == before);
  {
    const kaio::SleeperCount counted(shop.completer);
    shop.completer.complete(shop.begin(cell), 1);
    BOOST_TEST(shop.ring_reaper.leader_word() > before);
  }
  const std::uint32_t after = shop.ring_reaper.leader_word();
  shop.completer.complete(shop.begin(cell), 1);
  BOOST_TEST(shop.ring_reaper.leader_word() == after);
}

BOOST_AUTO_TEST_CASE(it_changes_again_when_there_is_a_result_to_take_if_anybody_takes) {
  CompletionBench shop;
  StatusCell cell{};
  {
    const kaio::TakerCount takes(shop.completer);  // and does not sleep
    const std::uint32_t before = shop.ring_reaper.leader_word();
    shop.completer.complete(shop.begin(cell), 1);
    BOOST_TEST(shop.ring_reaper.leader_word() == before);
  }
  const kaio::SleeperCount sleeps(shop.completer);
  std::uint32_t before = shop.ring_reaper.leader_word();
  shop.completer.complete(shop.begin(cell), 1);
  BOOST_TEST(shop.ring_reaper.leader_word() == before + 1);
  // Whoever takes results has asked for one before.
  while (Request* request = shop.completer.retrieval().next()) shop.requests->free(*request);
  const kaio::TakerCount takes(shop.completer);
  before = shop.ring_reaper.leader_word();
  shop.completer.complete(shop.begin(cell), 1);
  BOOST_TEST(shop.ring_reaper.leader_word() == before + 2);
}

BOOST_AUTO_TEST_CASE(it_changes_when_a_list_is_done) {
  CompletionBench shop;
  kaio::RequestGroup& group = *shop.requests->groups.allocate();
  group.notification.of_list = true;
  group.remaining = 1;
  group.references = 2;
  const kaio::SleeperCount sleeps(shop.completer);
  const std::uint32_t before = shop.ring_reaper.leader_word();
  shop.completer.count_down(group);
  BOOST_TEST(group.all_done == 1u);
  BOOST_TEST(shop.ring_reaper.leader_word() == before + 1);
}

BOOST_AUTO_TEST_CASE(a_list_is_done_with_its_last_request_and_notifies_once) {
  CompletionBench shop;
  Counter of_request, of_list;
  kaio::RequestGroup& group = *shop.requests->groups.allocate();
  group.notification.kind = Notification::Kind::eventfd;
  group.notification.of_list = true;
  group.notification.target = of_list.fd();
  group.remaining = 3;  // two, and who submits
  group.references = 2;
  StatusCell cells[2]{};
  Request* members[2];
  for (int i = 0; i < 2; ++i) {
    members[i] = &shop.begin(cells[i]);
    members[i]->group = &group;
    notify_by(*members[i], of_request);
  }
  shop.completer.complete(*members[0], 1);
  shop.completer.count_down(group);
  BOOST_TEST(group.all_done == 0u);
  BOOST_TEST(of_list.take() == 0u);
  shop.completer.complete(*members[1], -EIO);
  BOOST_TEST(group.all_done == 1u);
  BOOST_TEST(group.failed);
  BOOST_TEST(of_list.take() == 1u);
  BOOST_TEST(of_request.take() == 2u);
  BOOST_TEST(group.references == 1u);
}

BOOST_AUTO_TEST_CASE(
    with_the_record_locked_the_status_is_there_and_the_rest_is_left_to_the_holder) {
  CompletionBench shop;
  Counter notified;
  StatusCell cell{};
  Request& request = shop.begin(cell);
  notify_by(request, notified);
  {
    kaio::RecordLock lock(shop.record());
    std::thread other([&] { shop.completer.complete(request, 1); });
    other.join();
    BOOST_TEST(cell.word == status::done(0));
    BOOST_TEST(notified.take() == 0u);
    BOOST_TEST(!shop.record().all.empty());
  }
  {
    kaio::RecordLock lock(shop.record());
    BOOST_TEST(shop.record().all.empty());
  }
  BOOST_TEST(notified.take() == 0u);  // not with a lock in hand: when the frame drains
  shop.drain();
  BOOST_TEST(notified.take() == 1u);
}

BOOST_AUTO_TEST_CASE(a_number_that_is_no_descriptor_needs_no_record) {
  CompletionBench shop;
  Counter notified;
  StatusCell cell{};
  Request& request = *shop.requests->slab.allocate();
  cell.word = status::in_progress;
  request.cell = &cell;
  request.operation.fd = -1;
  notify_by(request, notified);
  shop.completer.complete(request, -EBADF);
  BOOST_TEST(cell.word == status::done(EBADF));
  BOOST_TEST(notified.take() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
