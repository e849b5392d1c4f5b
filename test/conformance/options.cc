// SPDX-License-Identifier: MIT
// kaio_set_option(), kaio_get_statistics() and the environment.
#include "cases.h"

#include "support/child.h"
#include "support/process.h"

#include <cstring>
#include <sys/eventfd.h>

namespace {

kaio_statistics statistics_now() {
  kaio_statistics statistics;
  BOOST_REQUIRE(kaio_get_statistics(&statistics, sizeof statistics) == 0);
  return statistics;
}

void read_once(const Storage& storage, int count = 1) {
  for (int index = 0; index < count; ++index) {
    const Request read = Request::to_read(storage.fd(), 4096, 4096 * index);
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_REQUIRE(wait_done(read) == 0);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(options)

BOOST_AUTO_TEST_CASE(an_unknown_option_says_EINVAL) {
  BOOST_TEST(errno_of([] { return kaio_set_option("no such option", "1"); }) == EINVAL);
  BOOST_TEST(errno_of([] { return kaio_set_option("", ""); }) == EINVAL);
}

BOOST_AUTO_TEST_CASE(a_value_out_of_range_says_EINVAL) {
  BOOST_TEST(errno_of([] { return kaio_set_option("route", "by pigeon"); }) != 0);
  BOOST_TEST(errno_of([] { return kaio_set_option("strict", "perhaps"); }) != 0);
}

BOOST_AUTO_TEST_CASE(an_option_for_the_start_says_EBUSY_later) {
  read_once(Storage{StorageKind::buffered_file});
  BOOST_TEST(errno_of([] { return kaio_set_option("route", "pool"); }) == EBUSY);
}

BOOST_AUTO_TEST_CASE(statistics_are_printed_at_the_end_when_asked_for) {
  const Outcome without = run_case_again("error_status/it_is_0*", {});
  const Outcome with = run_case_again("error_status/it_stays_the_same*", {"KAIO_STATS=1"});
  BOOST_TEST(without.exit_status == 0);
  BOOST_TEST(with.exit_status == 0);
  BOOST_TEST(without.errors.find("submitted") == std::string::npos);
  BOOST_TEST(with.errors.find("submitted") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_wrong_value_in_the_environment_does_no_harm) {
  const Outcome outcome = run_case_again("error_status/it_is_EINPROGRESS*",
                                         {"KAIO_ROUTE=by pigeon", "KAIO_STRICT=perhaps"});
  BOOST_TEST(outcome.exit_status == 0);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(statistics)

BOOST_AUTO_TEST_CASE(null_says_EINVAL) {
  BOOST_TEST(errno_of([] { return kaio_get_statistics(nullptr, 8); }) == EINVAL);
}

BOOST_AUTO_TEST_CASE(no_more_is_filled_than_was_asked_for) {
  read_once(Storage{StorageKind::buffered_file});
  kaio_statistics statistics;
  std::memset(&statistics, 0x5a, sizeof statistics);
  BOOST_REQUIRE(kaio_get_statistics(&statistics, 2 * sizeof(std::uint64_t)) == 0);
  BOOST_TEST(statistics.submitted > 0);
  BOOST_TEST(statistics.submitted < 0x5a5a5a5a5a5a5a5a);
  BOOST_TEST(statistics.cancelled == 0x5a5a5a5a5a5a5a5a);
}

BOOST_AUTO_TEST_CASE(requests_are_counted_when_accepted_and_when_completed) {
  const Storage storage{StorageKind::buffered_file};
  const Channel pipe{ChannelKind::pipe};
  const auto before = statistics_now();
  read_once(storage, 10);
  const Request waiting = Request::to_read(pipe.reader(), 10);
  BOOST_REQUIRE(aio_read(waiting) == 0);
  const Request refused = Request::to_read(pipe.reader(), 10);
  refused->aio_reqprio = -1;
  BOOST_TEST(aio_read(refused) == -1);
  auto after = statistics_now();
  BOOST_TEST(after.submitted - before.submitted == 11);
  BOOST_TEST(after.completed - before.completed == 10);
  BOOST_TEST(aio_cancel(pipe.reader(), waiting) == AIO_CANCELED);
  after = statistics_now();
  BOOST_TEST(after.completed - before.completed == 11);
  BOOST_TEST(after.cancelled - before.cancelled == 1);
}

BOOST_AUTO_TEST_CASE(without_kernel_AIO_all_goes_by_the_pool, *on_route({Route::pool})) {
  const Storage storage{StorageKind::buffered_file};
  const auto before = statistics_now();
  read_once(storage, 10);
  const auto after = statistics_now();
  BOOST_TEST(after.by_pool - before.by_pool == 10);
  BOOST_TEST(after.by_kernel == 0);
  BOOST_TEST(after.io_submit_calls == 0);
}

BOOST_AUTO_TEST_CASE(O_DIRECT_reads_go_by_the_kernel,
                     *on_route({Route::automatic, Route::kernel, Route::poll}) * with_direct_io()) {
  const Storage storage{StorageKind::direct_file};
  const auto before = statistics_now();
  read_once(storage, 10);
  const auto after = statistics_now();
  BOOST_TEST(after.by_kernel - before.by_kernel == 10);
  BOOST_TEST(after.by_pool - before.by_pool == 0);
}

// Who spins long enough does not sleep.
BOOST_AUTO_TEST_CASE(with_a_spin_time_waiting_takes_no_system_call,
                     *on_route({Route::automatic, Route::kernel}) * with_direct_io() *
                         with_the_ring()) {
  const Storage storage{StorageKind::direct_file};
  BOOST_REQUIRE(kaio_set_option("spin_time", "1000000") == 0);
  const auto before = statistics_now();
  for (int index = 0; index < 10; ++index) {
    const Request read = Request::to_read(storage.fd(), 4096, 4096 * index);
    BOOST_REQUIRE(aio_read(read) == 0);
    const aiocb* list[] = {read};
    BOOST_TEST(aio_suspend(list, 1, nullptr) == 0);
    BOOST_TEST(aio_return(read) == 4096);
  }
  const auto after = statistics_now();
  BOOST_REQUIRE(kaio_set_option("spin_time", "auto") == 0);
  BOOST_TEST(after.io_getevents_calls == before.io_getevents_calls);
}

BOOST_AUTO_TEST_CASE(spinning_ends_with_the_timeout) {
  const Channel channel{ChannelKind::pipe};
  const Request read = Request::to_read(channel.reader(), 4);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_REQUIRE(kaio_set_option("spin_time", "1000000") == 0);
  const aiocb* list[] = {read};
  const timespec timeout{0, 20'000'000};
  const auto begun = Clock::now();
  BOOST_TEST(aio_suspend(list, 1, &timeout) == -1);
  BOOST_TEST(errno == EAGAIN);
  BOOST_TEST((Clock::now() - begun < 500ms));
  BOOST_REQUIRE(kaio_set_option("spin_time", "auto") == 0);
}

// A program that asks or waits for its requests needs no thread of ours.
BOOST_AUTO_TEST_CASE(O_DIRECT_reads_start_no_thread,
                     *on_route({Route::automatic, Route::kernel}) * with_direct_io()) {
  const Storage storage{StorageKind::direct_file};
  read_once(storage);
  const int threads_before = thread_count();
  const auto before = statistics_now();
  for (int round = 0; round < 50; ++round) {
    const Request read = Request::to_read(storage.fd(), 4096, 4096 * round);
    BOOST_REQUIRE(aio_read(read) == 0);
    const aiocb* const list[] = {read};
    BOOST_REQUIRE(aio_suspend(list, 1, nullptr) == 0);
  }
  read_once(storage, 50);
  BOOST_TEST(statistics_now().threads_started - before.threads_started == 0);
  BOOST_TEST(thread_count() <= threads_before);
}

BOOST_AUTO_TEST_CASE(fallbacks_have_a_reason, *on_route({Route::automatic})) {
  const TemporaryFile file{1 << 20};
  const Fd fd = file.open(O_RDWR);
  const auto before = statistics_now();
  // What the attempt at a cold read begins to fetch is there before the kernel looks, if the
  // device is quick and the thread has lost its processor.
  BOOST_TEST(eventually([&] {
    file.make_cold();
    const Request cold = Request::to_read(fd.get(), 4096, 65536);
    BOOST_REQUIRE(aio_read(cold) == 0);
    BOOST_TEST(wait_done(cold) == 0);
    return statistics_now().reason_would_block > before.reason_would_block;
  }));
  const Channel pipe{ChannelKind::pipe};
  const Request waiting = Request::to_read(pipe.reader(), 10);
  BOOST_REQUIRE(aio_read(waiting) == 0);
  const Request behind = Request::to_read(pipe.reader(), 10);
  BOOST_REQUIRE(aio_read(behind) == 0);
  BOOST_TEST(eventually(
      [&] { return statistics_now().waits_by_kernel_poll > before.waits_by_kernel_poll; }));
  const auto after = statistics_now();
  // Where pipes do not know RWF_NOWAIT, that is the reason, and nothing was tried.
  if (kernel_is_at_least(6, 4))
    BOOST_TEST(after.reason_not_ready - before.reason_not_ready >= 1);
  else
    BOOST_TEST(after.reason_no_nowait - before.reason_no_nowait >= 1);
  BOOST_TEST(after.held_by_order - before.held_by_order >= 1);
  BOOST_TEST(after.waits_by_kernel_poll - before.waits_by_kernel_poll >= 1);
}

BOOST_AUTO_TEST_CASE(notifications_are_counted) {
  const Storage storage{StorageKind::buffered_file};
  const BlockedSignal signal{queue_signal()};
  const Fd event = make_eventfd();
  Callbacks callbacks;
  const auto before = statistics_now();
  const Request first = Request::to_read(storage.fd(), 16);
  const Request second = Request::to_read(storage.fd(), 16);
  const Request third = Request::to_read(storage.fd(), 16);
  signal.attach(first->aio_sigevent);
  callbacks.attach(second->aio_sigevent);
  third->aio_sigevent.sigev_notify = SIGEV_EVENTFD;
  third->aio_sigevent.sigev_notify_eventfd = event.get();
  BOOST_REQUIRE(aio_read(first) == 0);
  BOOST_TEST(signal.next().has_value());  // before a callback runs that may have it unblocked
  BOOST_REQUIRE(aio_read(second) == 0);
  BOOST_REQUIRE(aio_read(third) == 0);
  BOOST_TEST(callbacks.wait_for(1));
  eventfd_t value = 0;
  BOOST_TEST(::eventfd_read(event.get(), &value) == 0);
  const auto told = [&] {
    const auto after = statistics_now();
    return after.notified_signal - before.notified_signal == 1 &&
           after.notified_thread - before.notified_thread == 1 &&
           after.notified_eventfd - before.notified_eventfd == 1;
  };
  BOOST_TEST(eventually(told));
}

BOOST_AUTO_TEST_CASE(no_descriptor_is_lost) {
  const Storage storage{StorageKind::buffered_file};
  read_once(storage, 50);
  const int before = open_descriptor_count();
  for (int round = 0; round < 50; ++round) {
    const Channel channel{channel_kinds()[round % 6]};
    const Request read = Request::to_read(channel.reader(), 10);
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_TEST(aio_cancel(channel.reader(), read) == AIO_CANCELED);
    read_once(storage);
  }
  BOOST_TEST(open_descriptor_count() <= before + 4);  // what the library opens when needed
}

BOOST_AUTO_TEST_SUITE_END()
