// SPDX-License-Identifier: MIT
// What all kinds of notification have in common, SIGEV_NONE and signals.
#include "cases.h"

#include "support/limit.h"
#include "support/process.h"

#include <algorithm>
#include <atomic>
#include <thread>

BOOST_AUTO_TEST_SUITE(notification)

namespace {

struct Seen {
  std::atomic<int> count = 0;
  std::atomic<int> status = -1;
  std::atomic<int> code = 0;
  std::atomic<int> sender = 0;
  std::atomic<int> thread = 0;
} seen;

void note(int, siginfo_t* info, void*) {
  const auto* block = static_cast<const aiocb*>(info->si_value.sival_ptr);
  seen.status = aio_error(block);
  seen.code = info->si_code;
  seen.sender = info->si_pid;
  seen.thread = ::gettid();
  ++seen.count;
}

void ask_for_signal(aiocb* block, int number) {
  block->aio_sigevent.sigev_notify = SIGEV_SIGNAL;
  block->aio_sigevent.sigev_signo = number;
  block->aio_sigevent.sigev_value.sival_ptr = block;
}

}  // namespace

BOOST_AUTO_TEST_CASE(SIGEV_NONE_sends_nothing) {
  const Storage storage{StorageKind::buffered_file};
  const SignalHandler handler{SIGRTMIN + 2, note};
  seen.count = 0;
  const Request read = Request::to_read(storage.fd(), 16);
  ask_for_signal(read, SIGRTMIN + 2);
  read->aio_sigevent.sigev_notify = SIGEV_NONE;
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == 0);
  BOOST_TEST(stays([] { return seen.count == 0; }));
}

BOOST_DATA_TEST_CASE(a_signal_says_what_POSIX_wants,
                     data::make(both_directions()) * data::make(storage_kinds()), direction, kind) {
  const Storage storage{kind};
  const BlockedSignal signal{queue_signal()};
  const Request request = Request::to_read(storage.fd(), 4096);
  signal.attach(request->aio_sigevent, 4711);
  BOOST_REQUIRE(submit(direction, request) == 0);
  const auto info = signal.next();
  BOOST_REQUIRE(info.has_value());
  BOOST_TEST(aio_error(request) == 0);  // visible before
  BOOST_TEST(info->si_code == SI_ASYNCIO);
  BOOST_TEST(info->si_value.sival_int == 4711);
  BOOST_TEST(info->si_pid == ::getpid());
  BOOST_TEST(info->si_uid == ::getuid());
  BOOST_TEST(!signal.next(20ms).has_value());  // exactly once
}

BOOST_DATA_TEST_CASE(a_stream_is_notified_when_it_is_done_and_not_before,
                     data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  const BlockedSignal signal{queue_signal()};
  const Request read = Request::to_read(channel.reader(), 10);
  signal.attach(read->aio_sigevent);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(!signal.next(a_while).has_value());
  channel.send("text");
  BOOST_TEST(signal.next().has_value());
  BOOST_TEST(aio_error(read) == 0);
  BOOST_TEST(!signal.next(a_while).has_value());
}

BOOST_DATA_TEST_CASE(in_the_handler_the_request_is_done, data::make(storage_kinds()), kind) {
  const Storage storage{kind};
  const SignalHandler handler{SIGRTMIN + 2, note};
  seen.count = 0;
  for (int round = 0; round < 100; ++round) {
    seen.status = -1;
    const Request read = Request::to_read(storage.fd(), 4096, 4096 * round);
    ask_for_signal(read, SIGRTMIN + 2);
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_REQUIRE(eventually([&] { return seen.count == round + 1; }));
    BOOST_TEST(seen.status == 0);
    BOOST_TEST(seen.code == SI_ASYNCIO);
    BOOST_TEST(seen.sender == ::getpid());
  }
}

BOOST_DATA_TEST_CASE(errors_are_notified_like_successes, data::make(both_directions()), direction) {
  const Storage storage{StorageKind::buffered_file};
  const Storage direct{StorageKind::tmpfs_file};
  const Fd wrong_mode = storage.open_again(direction == Direction::read ? O_WRONLY : O_RDONLY);
  const BlockedSignal signal{queue_signal()};
  std::vector<Request> requests;
  requests.push_back(Request::to_read(-1, 16));
  requests.push_back(Request::to_read(wrong_mode.get(), 16));
  requests.push_back(Request::to_read(storage.fd(), 16, -5));
  requests.push_back(Request::to_read(storage.fd(), 16));
  requests.back()->aio_nbytes = SIZE_MAX;
  requests.push_back(Request::over(storage.fd(), nullptr, 16));
  requests.push_back(Request::over(direct.fd(), nullptr, 16));
  for (std::size_t index = 0; index < requests.size(); ++index) {
    signal.attach(requests[index]->aio_sigevent, static_cast<int>(index));
    BOOST_REQUIRE(submit(direction, requests[index]) == 0);
    const auto info = signal.next();
    BOOST_REQUIRE(info.has_value());
    BOOST_TEST(info->si_value.sival_int == index);
    BOOST_TEST(!in_progress(requests[index]));
    BOOST_TEST(aio_error(requests[index]) != 0);
  }
  BOOST_TEST(!signal.next(a_while).has_value());
}

BOOST_DATA_TEST_CASE(every_one_of_many_is_notified_exactly_once, data::make(storage_kinds()),
                     kind) {
  const Storage storage{kind};
  const BlockedSignal signal{queue_signal()};
  std::vector<Request> requests;
  for (int index = 0; index < 500; ++index) {
    requests.push_back(Request::to_read(storage.fd(), 4096, 4096 * (index % 256)));
    signal.attach(requests.back()->aio_sigevent, index);
    BOOST_REQUIRE(aio_read(requests.back()) == 0);
  }
  std::vector<int> values;
  while (values.size() < 500) {
    const auto info = signal.next();
    BOOST_REQUIRE(info.has_value());
    values.push_back(info->si_value.sival_int);
    BOOST_TEST(!in_progress(requests[info->si_value.sival_int]));
  }
  std::ranges::sort(values);
  for (int index = 0; index < 500; ++index) BOOST_TEST(values[index] == index);
  BOOST_TEST(!signal.next(a_while).has_value());
}

BOOST_AUTO_TEST_CASE(an_ordinary_signal_carries_it_too) {
  const Storage storage{StorageKind::buffered_file};
  const SignalHandler handler{SIGUSR1, note};
  seen.count = 0;
  const Request read = Request::to_read(storage.fd(), 16);
  ask_for_signal(read, SIGUSR1);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(eventually([] { return seen.count == 1; }));
  BOOST_TEST(seen.code == SI_ASYNCIO);
  BOOST_TEST(seen.status == 0);
}

BOOST_AUTO_TEST_CASE(a_full_signal_queue_loses_none) {
  const Storage storage{StorageKind::buffered_file};
  const BlockedSignal signal{queue_signal()};
  std::vector<Request> requests;
  {
    const Limit few{RLIMIT_SIGPENDING, queued_signal_count() + 4};
    for (int index = 0; index < 40; ++index) {
      requests.push_back(Request::to_read(storage.fd(), 16, index));
      signal.attach(requests.back()->aio_sigevent, index);
      BOOST_REQUIRE(aio_read(requests.back()) == 0);
    }
    wait_all_done(requests);  // nobody waits for the queue
    std::this_thread::sleep_for(a_while);
    std::vector<int> values;
    while (values.size() < 40) {
      const auto info = signal.next();
      BOOST_REQUIRE(info.has_value());
      values.push_back(info->si_value.sival_int);
    }
    std::ranges::sort(values);
    for (int index = 0; index < 40; ++index) BOOST_TEST(values[index] == index);
  }
  BOOST_TEST(!signal.next(a_while).has_value());
}

BOOST_AUTO_TEST_CASE(SIGEV_THREAD_ID_signals_that_thread) {
  const Storage storage{StorageKind::buffered_file};
  const Channel pipe{ChannelKind::pipe};
  const SignalHandler handler{SIGRTMIN + 2, note};
  seen.count = 0;
  std::atomic<int> thread_id = 0;
  std::atomic<bool> ending = false;
  std::thread target{[&] {
    thread_id = ::gettid();
    while (!ending) std::this_thread::sleep_for(1ms);
  }};
  BOOST_TEST(eventually([&] { return thread_id != 0; }));
  for (const int fd : {storage.fd(), pipe.reader()}) {
    const int before = seen.count;
    const Request read = Request::to_read(fd, 16);
    ask_for_signal(read, SIGRTMIN + 2);
    read->aio_sigevent.sigev_notify = SIGEV_THREAD_ID;
    read->aio_sigevent.sigev_notify_thread_id = thread_id;
    BOOST_REQUIRE(aio_read(read) == 0);
    pipe.send("text");
    BOOST_TEST(eventually([&] { return seen.count == before + 1; }));
    BOOST_TEST(seen.thread == thread_id);
    BOOST_TEST(seen.code == SI_ASYNCIO);
    BOOST_TEST(seen.status == 0);
  }
  ending = true;
  target.join();
}

// The thread has gone meanwhile: nothing may happen to the request.
BOOST_AUTO_TEST_CASE(SIGEV_THREAD_ID_of_a_thread_that_ended_is_no_harm) {
  const Channel pipe{ChannelKind::pipe};
  const SignalHandler handler{SIGRTMIN + 2, note};  // its number may be given again
  std::atomic<int> thread_id = 0;
  std::thread{[&] { thread_id = ::gettid(); }}.join();
  const Request read = Request::to_read(pipe.reader(), 16);
  ask_for_signal(read, SIGRTMIN + 2);
  read->aio_sigevent.sigev_notify = SIGEV_THREAD_ID;
  read->aio_sigevent.sigev_notify_thread_id = thread_id;
  if (aio_read(read) == 0) {
    pipe.send("text");
    BOOST_TEST(wait_done(read) == 0);
  }
  const Request next = Request::to_read(pipe.reader(), 16);
  BOOST_REQUIRE(aio_read(next) == 0);
  pipe.send("text");
  BOOST_TEST(wait_done(next) == 0);
}

// The program blocks a signal in its only thread: it has to stay pending,
// whatever threads the library has.
BOOST_AUTO_TEST_CASE(threads_of_the_library_take_no_signal_of_the_programs) {
  const Storage storage{StorageKind::buffered_file};
  const Channel terminal{ChannelKind::pty_slave};
  const SignalHandler handler{SIGUSR2, note};
  seen.count = 0;
  Callbacks callbacks;
  std::vector<Request> requests;
  for (int index = 0; index < 50; ++index) {
    requests.push_back(Request::to_write(storage.fd(), "text", 1 << (index % 30)));
    callbacks.attach(requests.back()->aio_sigevent);
    BOOST_REQUIRE(aio_write(requests.back()) == 0);
  }
  const Request waiting = Request::to_read(terminal.reader(), 10);
  BOOST_REQUIRE(aio_read(waiting) == 0);
  BOOST_TEST(callbacks.wait_for(50));
  std::this_thread::sleep_for(a_while);  // the callback threads are idle again
  const BlockedSignal blocked{SIGUSR2};
  BOOST_REQUIRE(::kill(::getpid(), SIGUSR2) == 0);
  BOOST_TEST(stays([&] { return blocked.is_pending() && seen.count == 0; }));
}

BOOST_AUTO_TEST_SUITE_END()
