// SPDX-License-Identifier: MIT
// A list's notification comes after those of its elements: whoever gets it has been sent all
// others before.
#include "cases.h"

#include <atomic>
#include <cstdint>
#include <thread>

BOOST_AUTO_TEST_SUITE(list_told_last)

namespace {

constexpr int length = 10;
constexpr int value_of_list = 1000;

std::vector<Request> elements_of(int fd) {
  std::vector<Request> reads;
  for (int index = 0; index < length; ++index)
    reads.push_back(Request::to_read(fd, 16, 4096 * index));
  return reads;
}

// An eventfd to which nothing can be added, until it is read.
Fd full_eventfd() {
  Fd event{make_eventfd(0, O_NONBLOCK)};
  const std::uint64_t most = UINT64_MAX - 1;
  checked(::write(event.get(), &most, sizeof most), "write");
  return event;
}

void tell_by(sigevent& event, const Fd& eventfd) {
  event.sigev_notify = SIGEV_EVENTFD;
  event.sigev_notify_eventfd = eventfd.get();
}

// One signal for all of them, so that the queue shows in which order they were sent.
bool is_told_last(const BlockedSignal& signal, const std::vector<Request>& reads) {
  sigevent all{};
  signal.attach(all, value_of_list);
  for (int index = 0; index < length; ++index) signal.attach(reads[index]->aio_sigevent, index);
  if (lio_listio(LIO_NOWAIT, list_of(reads).data(), length, &all) != 0) return false;
  for (int place = 0; place <= length; ++place) {
    const auto info = signal.next();
    if (!info || (info->si_value.sival_int == value_of_list) != (place == length)) return false;
  }
  return true;
}

}  // namespace

BOOST_DATA_TEST_CASE(the_signal_of_a_list_comes_after_those_of_its_files,
                     data::make(storage_kinds()), kind) {
  const Storage storage{kind};
  const BlockedSignal signal{queue_signal()};
  int wrong_count = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<Request> reads;
    for (int index = 0; index < length; ++index)
      reads.push_back(Request::to_read(storage.fd(), 4096, 4096 * index));
    wrong_count += !is_told_last(signal, reads);
    wait_all_done(reads);
  }
  BOOST_TEST(wrong_count == 0);
}

BOOST_DATA_TEST_CASE(the_signal_of_a_list_comes_after_those_of_its_streams,
                     data::make(channel_kinds()), kind) {
  const BlockedSignal signal{queue_signal()};
  int wrong_count = 0;
  for (int round = 0; round < 20; ++round) {
    const Channel channel{kind};
    std::atomic<bool> ending = false;
    std::thread sender{[&] {
      for (int index = 0; index < length && !ending; ++index) channel.send("0123456789abcdef");
    }};
    const std::vector<Request> reads = elements_of(channel.reader());
    wrong_count += !is_told_last(signal, reads);
    ending = true;
    sender.join();
    aio_cancel(channel.reader(), nullptr);
  }
  BOOST_TEST(wrong_count == 0);
}

// Some refused at once, some elsewhere: who is last differs.
BOOST_AUTO_TEST_CASE(the_signal_of_a_list_comes_after_those_of_failed_elements) {
  const Storage storage{StorageKind::buffered_file};
  const BlockedSignal signal{queue_signal()};
  for (int round = 0; round < 50; ++round) {
    const std::vector<Request> reads = elements_of(storage.fd());
    reads[round % length]->aio_fildes = -1;
    reads[(round + 3) % length]->aio_lio_opcode = 77;
    BOOST_TEST(is_told_last(signal, reads));
  }
}

BOOST_DATA_TEST_CASE(the_callback_of_a_list_comes_after_those_of_its_elements,
                     data::make(storage_kinds()), kind) {
  const Storage storage{kind};
  int wrong_count = 0;
  for (int round = 0; round < 50; ++round) {
    Callbacks own;
    std::atomic<int> own_count = -1;
    Callbacks of_list{[&] { own_count = own.count(); }};
    const std::vector<Request> reads = elements_of(storage.fd());
    for (const Request& read : reads) own.attach(read->aio_sigevent);
    sigevent all{};
    of_list.attach(all);
    BOOST_REQUIRE(lio_listio(LIO_NOWAIT, list_of(reads).data(), length, &all) == 0);
    BOOST_REQUIRE(of_list.wait_for(1));
    wrong_count += own_count != length;
    BOOST_REQUIRE(own.wait_for(length));
  }
  // Callbacks that stand still for some milliseconds do not hold up others, and a slow
  // machine may be why one does.
  BOOST_TEST(wrong_count <= slowness() - 1);
}

BOOST_DATA_TEST_CASE(the_callback_of_a_list_waits_for_an_eventfd_that_is_full,
                     data::make(storage_kinds()), kind) {
  const Storage storage{kind};
  const Fd event = full_eventfd();
  Callbacks of_list;
  const std::vector<Request> reads = elements_of(storage.fd());
  tell_by(reads[3]->aio_sigevent, event);
  sigevent all{};
  of_list.attach(all);
  BOOST_REQUIRE(lio_listio(LIO_NOWAIT, list_of(reads).data(), length, &all) == 0);
  wait_all_done(reads);
  BOOST_TEST(stays([&] { return of_list.count() == 0; }));
  std::uint64_t count = 0;
  BOOST_REQUIRE(::read(event.get(), &count, sizeof count) == sizeof count);
  BOOST_TEST(of_list.wait_for(1));
  BOOST_TEST(::read(event.get(), &count, sizeof count) == sizeof count);
  BOOST_TEST(count == 1);
}

BOOST_AUTO_TEST_CASE(the_signal_of_a_list_waits_for_an_eventfd_that_is_full) {
  const Storage storage{StorageKind::buffered_file};
  const Fd event = full_eventfd();
  const BlockedSignal signal{queue_signal()};
  const std::vector<Request> reads = elements_of(storage.fd());
  tell_by(reads[length - 1]->aio_sigevent, event);
  sigevent all{};
  signal.attach(all);
  BOOST_REQUIRE(lio_listio(LIO_NOWAIT, list_of(reads).data(), length, &all) == 0);
  wait_all_done(reads);
  BOOST_TEST(!signal.next(a_while).has_value());
  std::uint64_t count = 0;
  BOOST_REQUIRE(::read(event.get(), &count, sizeof count) == sizeof count);
  BOOST_TEST(signal.next().has_value());
}

// What is waited for does not depend on who has been told.
BOOST_AUTO_TEST_CASE(a_caller_that_waits_for_a_list_waits_for_no_notification) {
  const Storage storage{StorageKind::buffered_file};
  const Fd event = full_eventfd();
  const std::vector<Request> reads = elements_of(storage.fd());
  tell_by(reads[3]->aio_sigevent, event);
  BOOST_TEST(lio_listio(LIO_WAIT, list_of(reads).data(), length, nullptr) == 0);
  // The group's memory is another list's by now.
  Callbacks of_list;
  const std::vector<Request> others = elements_of(storage.fd());
  sigevent all{};
  of_list.attach(all);
  BOOST_REQUIRE(lio_listio(LIO_NOWAIT, list_of(others).data(), length, &all) == 0);
  BOOST_TEST(of_list.wait_for(1));
  std::uint64_t count = 0;
  BOOST_REQUIRE(::read(event.get(), &count, sizeof count) == sizeof count);
  const auto told = [&] { return ::read(event.get(), &count, sizeof count) == sizeof count; };
  BOOST_TEST(eventually(told));
  BOOST_TEST(count == 1);
  BOOST_TEST(stays([&] { return of_list.count() == 1; }));
}

BOOST_AUTO_TEST_SUITE_END()
