// SPDX-License-Identifier: MIT
// lio_listio(): notifications, and waits that signals interrupt.
#include "cases.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

BOOST_AUTO_TEST_SUITE(listing_notified)

namespace {

std::atomic<int> handled_count;
void count(int) { ++handled_count; }

std::vector<Request> reads_of(const Channel& channel, int length) {
  std::vector<Request> reads;
  for (int index = 0; index < length; ++index)
    reads.push_back(Request::to_read(channel.reader(), 4));
  return reads;
}

// Leaves other data where the frames of earlier calls were.
[[gnu::noinline]] void overwrite_the_stack() {
  volatile char scribble[65536];
  std::memset(const_cast<char*>(scribble), 0x5a, sizeof scribble);
}

}  // namespace

BOOST_DATA_TEST_CASE(the_list_is_notified_once_when_all_are_done, data::make(channel_kinds()),
                     kind) {
  const Channel channel{kind};
  const auto reads = reads_of(channel, 5);
  Callbacks callbacks;
  sigevent all{};
  callbacks.attach(all);
  BOOST_REQUIRE(lio_listio(LIO_NOWAIT, list_of(reads).data(), 5, &all) == 0);
  for (int index = 0; index < 5; ++index) {
    BOOST_TEST(stays([&] { return callbacks.count() == 0; }, 5ms));
    channel.send("text");
    BOOST_TEST(wait_done(reads[index]) == 0);
  }
  BOOST_TEST(callbacks.wait_for(1));
  BOOST_TEST(stays([&] { return callbacks.count() == 1; }));
}

BOOST_DATA_TEST_CASE(the_list_is_notified_when_its_files_are_done, data::make(storage_kinds()),
                     kind) {
  const Storage storage{kind};
  for (int round = 0; round < 20; ++round) {
    std::vector<Request> reads;
    for (int index = 0; index < 50; ++index)
      reads.push_back(Request::to_read(storage.fd(), 4096, 4096 * index));
    std::atomic<int> left_count = -1;
    Callbacks callbacks{[&] {
      int left = 0;
      for (const Request& read : reads) left += in_progress(read);
      left_count = left;
    }};
    sigevent all{};
    callbacks.attach(all);
    BOOST_REQUIRE(lio_listio(LIO_NOWAIT, list_of(reads).data(), 50, &all) == 0);
    BOOST_REQUIRE(callbacks.wait_for(1));
    BOOST_TEST(left_count == 0);
    BOOST_TEST(callbacks.count() == 1);
  }
}

BOOST_AUTO_TEST_CASE(the_list_and_its_notification_are_copied) {
  const Channel pipe{ChannelKind::pipe};
  const auto reads = reads_of(pipe, 3);
  Callbacks callbacks;
  {
    auto list = list_of(reads);
    sigevent all{};
    callbacks.attach(all);
    BOOST_REQUIRE(lio_listio(LIO_NOWAIT, list.data(), 3, &all) == 0);
    std::memset(&all, 0x5a, sizeof all);
    std::memset(list.data(), 0x5a, 3 * sizeof list[0]);
  }
  overwrite_the_stack();
  pipe.send("texttexttext");
  BOOST_TEST(callbacks.wait_for(1));
  wait_all_done(reads);
}

BOOST_AUTO_TEST_CASE(an_empty_list_is_notified_at_once) {
  const BlockedSignal signal{queue_signal()};
  sigevent all{};
  signal.attach(all, 47);
  aiocb nop{};
  nop.aio_lio_opcode = LIO_NOP;
  aiocb* const list[] = {nullptr, &nop};
  for (const int length : {0, 1, 2}) {
    BOOST_REQUIRE(lio_listio(LIO_NOWAIT, list, length, &all) == 0);
    const auto info = signal.next();
    BOOST_REQUIRE(info.has_value());
    BOOST_TEST(info->si_value.sival_int == 47);
  }
  BOOST_TEST(!signal.next(a_while).has_value());
}

BOOST_AUTO_TEST_CASE(a_list_is_notified_by_a_signal) {
  const Channel pipe{ChannelKind::pipe};
  const BlockedSignal signal{queue_signal()};
  const auto reads = reads_of(pipe, 3);
  sigevent all{};
  signal.attach(all, 47);
  BOOST_REQUIRE(lio_listio(LIO_NOWAIT, list_of(reads).data(), 3, &all) == 0);
  BOOST_TEST(!signal.next(20ms).has_value());
  pipe.send("texttexttext");
  const auto info = signal.next();
  BOOST_REQUIRE(info.has_value());
  BOOST_TEST(info->si_code == SI_ASYNCIO);
  BOOST_TEST(info->si_value.sival_int == 47);
  BOOST_TEST(info->si_pid == ::getpid());
  BOOST_TEST(info->si_uid == ::getuid());
  BOOST_TEST(!signal.next(a_while).has_value());
}

BOOST_DATA_TEST_CASE(each_element_has_its_own_notification, data::make({LIO_WAIT, LIO_NOWAIT}),
                     mode) {
  const Storage storage{StorageKind::buffered_file};
  Callbacks own;
  Callbacks of_list;
  std::vector<Request> reads;
  for (int index = 0; index < 20; ++index) {
    reads.push_back(Request::to_read(storage.fd(), 16, index));
    own.attach(reads.back()->aio_sigevent);
  }
  reads[7]->aio_fildes = -1;  // failures are notified like successes
  sigevent all{};
  of_list.attach(all);
  lio_listio(mode, list_of(reads).data(), 20, mode == LIO_NOWAIT ? &all : nullptr);
  BOOST_TEST(own.wait_for(20));
  const int expected = mode == LIO_NOWAIT;
  BOOST_TEST(of_list.wait_for(expected));
  BOOST_TEST(stays([&] { return own.count() == 20 && of_list.count() == expected; }));
}

BOOST_AUTO_TEST_CASE(when_waiting_the_notification_is_ignored) {
  const Storage storage{StorageKind::buffered_file};
  const BlockedSignal signal{queue_signal()};
  const Request read = Request::to_read(storage.fd(), 16);
  aiocb* const list[] = {read};
  sigevent all{};
  signal.attach(all);
  BOOST_TEST(lio_listio(LIO_WAIT, list, 1, &all) == 0);
  BOOST_TEST(!signal.next(a_while).has_value());
  all.sigev_notify = 77;
  BOOST_TEST(lio_listio(LIO_WAIT, list, 1, &all) == 0);
  BOOST_TEST(aio_error(read) == 0);
}

BOOST_AUTO_TEST_CASE(a_bad_notification_of_the_list_says_EINVAL) {
  const Channel pipe{ChannelKind::pipe};
  const Request read = Request::to_read(pipe.reader(), 4);
  aiocb* const list[] = {read};
  sigevent all{};
  all.sigev_notify = 77;
  BOOST_TEST(errno_of([&] { return lio_listio(LIO_NOWAIT, list, 1, &all); }) == EINVAL);
  all.sigev_notify = SIGEV_SIGNAL;
  all.sigev_signo = 65;
  BOOST_TEST(errno_of([&] { return lio_listio(LIO_NOWAIT, list, 1, &all); }) == EINVAL);
  BOOST_TEST(aio_cancel(pipe.reader(), nullptr) == AIO_ALLDONE);
}

BOOST_AUTO_TEST_CASE(a_zeroed_notification_asks_for_none) {
  const Storage storage{StorageKind::buffered_file};
  const Request read = Request::to_read(storage.fd(), 16);
  aiocb* const list[] = {read};
  sigevent all{};
  BOOST_TEST(lio_listio(LIO_NOWAIT, list, 1, &all) == 0);
  BOOST_TEST(wait_done(read) == 0);
}

// glibc leaves a pointer into the dead frame with the requests, and crashes.
BOOST_DATA_TEST_CASE(a_handler_makes_waiting_say_EINTR_and_the_requests_go_on,
                     data::make({ChannelKind::pipe, ChannelKind::pty_slave}), kind) {
  const SignalHandler handler{SIGUSR1, count};
  for (int round = 0; round < 10; ++round) {
    const Channel channel{kind};
    const auto reads = reads_of(channel, 5);
    handled_count = 0;
    int number = 0;
    {
      const auto list = list_of(reads);
      const Interrupter interrupter{SIGUSR1, 3ms};
      number = errno_of([&] { return lio_listio(LIO_WAIT, list.data(), 5, nullptr); });
    }
    BOOST_TEST(number == EINTR);
    BOOST_TEST(handled_count > 0);
    overwrite_the_stack();
    for (const Request& read : reads) {
      BOOST_TEST(in_progress(read));
      channel.send("text");
      BOOST_TEST(wait_done(read) == 0);
      BOOST_TEST(aio_return(read) == 4);
    }
    overwrite_the_stack();
  }
}

BOOST_AUTO_TEST_CASE(many_threads_may_wait_for_lists_at_once) {
  std::vector<Storage> storages;
  for (const StorageKind kind : storage_kinds()) storages.emplace_back(kind);
  std::atomic<int> good_count = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread)
    threads.emplace_back([&, thread] {
      const Storage& storage = storages[thread % storages.size()];
      for (int round = 0; round < 50; ++round) {
        std::vector<Request> reads;
        for (int index = 0; index < 10; ++index)
          reads.push_back(Request::to_read(storage.fd(), 4096, 4096 * (index + round)));
        if (lio_listio(LIO_WAIT, list_of(reads).data(), 10, nullptr) == 0)
          for (const Request& read : reads)
            good_count += aio_error(read) == 0 && aio_return(read) == 4096;
      }
    });
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(good_count == 8 * 50 * 10);
}

BOOST_TEST_DECORATOR(*on_route({Route::automatic, Route::kernel}) * with_direct_io())
BOOST_DATA_TEST_CASE(a_list_goes_to_the_kernel_in_one_call, data::make({LIO_WAIT, LIO_NOWAIT}),
                     mode) {
  const Storage storage{StorageKind::direct_file};
  std::vector<Request> reads;
  for (int index = 0; index < 32; ++index)
    reads.push_back(Request::to_read(storage.fd(), 4096, 4096 * index));
  reads[5]->aio_lio_opcode = LIO_NOP;
  // Now and then a thread that is about to sleep submits the poll that others wake it by.
  std::uint64_t least_calls = UINT64_MAX;
  for (int round = 0; round < 5; ++round) {
    kaio_statistics before;
    kaio_statistics after;
    kaio_get_statistics(&before, sizeof before);
    BOOST_REQUIRE(lio_listio(mode, list_of(reads).data(), 32, nullptr) == 0);
    kaio_get_statistics(&after, sizeof after);
    wait_all_done(reads);
    // One more for each that the device had no room for.
    const auto retried = after.reason_device_full - before.reason_device_full +
                         after.reason_would_block - before.reason_would_block;
    const auto calls = after.io_submit_calls - before.io_submit_calls;
    BOOST_TEST(calls >= 1);
    least_calls = std::min(least_calls, calls - std::min(retried, calls - 1));
  }
  BOOST_TEST(least_calls == 1);
}

BOOST_AUTO_TEST_SUITE_END()
