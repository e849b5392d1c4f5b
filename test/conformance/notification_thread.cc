// SPDX-License-Identifier: MIT
// SIGEV_THREAD.
#include "cases.h"

#include "support/process.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <pthread.h>
#include <thread>

BOOST_AUTO_TEST_SUITE(notification_thread)

namespace {

bool is_blocked(const sigset_t& set, int number) { return sigismember(&set, number) == 1; }

// Freed by the callback, with the buffer.
struct SelfFreeing {
  aiocb* block = new aiocb{};
  char* buffer = new char[4096];
  Callbacks* counter = nullptr;
};

std::atomic<int> exited_count;

// What a handler submits, wherever it runs.
struct FromHandler {
  static constexpr std::size_t count_max = 20000;
  int fd = -1;
  std::atomic<std::size_t> begun_count = 0;
  std::atomic<std::size_t> ended_count = 0;  // of calls, whatever becomes of their requests
  std::atomic<std::size_t> refused_count = 0;
  std::vector<aiocb> blocks{count_max};
  char byte = 0;
};
FromHandler* from_handler;

void submit_from_handler(int) {
  const int before = errno;
  const std::size_t index = from_handler->begun_count.fetch_add(1);
  if (index < FromHandler::count_max) {
    aiocb& block = from_handler->blocks[index];
    block.aio_fildes = from_handler->fd;
    block.aio_buf = &from_handler->byte;
    block.aio_nbytes = 1;
    block.aio_sigevent.sigev_notify = SIGEV_NONE;
    if (aio_read(&block) != 0) ++from_handler->refused_count;
  }
  ++from_handler->ended_count;
  errno = before;
}

}  // namespace

BOOST_DATA_TEST_CASE(a_callback_runs_when_the_request_is_done, data::make(storage_kinds()), kind) {
  const Storage storage{kind};
  for (int round = 0; round < 50; ++round) {
    const Request read = Request::to_read(storage.fd(), 4096, 4096 * round);
    std::atomic<int> status = -1;
    std::atomic<ssize_t> result = -1;
    Callbacks callbacks{[&] {
      status = aio_error(read);
      result = aio_return(read);
    }};
    callbacks.attach(read->aio_sigevent);
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_REQUIRE(callbacks.wait_for(1));
    BOOST_TEST(status == 0);
    BOOST_TEST(result == 4096);
  }
}

BOOST_DATA_TEST_CASE(a_callback_runs_exactly_once, data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  Callbacks callbacks;
  const Request read = Request::to_read(channel.reader(), 10);
  callbacks.attach(read->aio_sigevent);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(stays([&] { return callbacks.count() == 0; }));
  channel.send("text");
  BOOST_TEST(callbacks.wait_for(1));
  BOOST_TEST(stays([&] { return callbacks.count() == 1; }));
}

BOOST_AUTO_TEST_CASE(a_callback_runs_on_another_thread) {
  const Storage storage{StorageKind::buffered_file};
  const std::thread::id own = std::this_thread::get_id();
  std::atomic<int> wrong_count = 0;
  Callbacks callbacks{[&] { wrong_count += std::this_thread::get_id() == own; }};
  std::vector<Request> reads;
  for (int index = 0; index < 100; ++index) {
    reads.push_back(Request::to_read(storage.fd(), 16, index));
    callbacks.attach(reads.back()->aio_sigevent);
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  BOOST_TEST(callbacks.wait_for(100));
  BOOST_TEST(wrong_count == 0);
}

BOOST_AUTO_TEST_CASE(a_callback_has_no_signal_blocked_that_the_program_had_not) {
  const Storage storage{StorageKind::buffered_file};
  const BlockedSignal blocked_by_the_program{SIGUSR2};
  sigset_t own_mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &own_mask);
  std::atomic<int> wrongly_blocked = 0;
  Callbacks callbacks{[&] {
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    for (int number = 1; number <= SIGRTMAX; ++number)
      if (is_blocked(mask, number) && !is_blocked(own_mask, number)) wrongly_blocked = number;
  }};
  for (int round = 0; round < 20; ++round) {
    const Request read = Request::to_read(storage.fd(), 16);
    callbacks.attach(read->aio_sigevent);
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_REQUIRE(callbacks.wait_for(round + 1));
  }
  BOOST_TEST(wrongly_blocked == 0);
}

// The first request may be that of a library, in a thread that has all of them blocked.
BOOST_AUTO_TEST_CASE(the_first_request_does_not_decide_the_mask_of_all_callbacks) {
  const Storage storage{StorageKind::buffered_file};
  std::atomic<bool> is_blocked_there = false;
  Callbacks callbacks{[&] {
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    is_blocked_there = is_blocked(mask, SIGHUP);
  }};
  int wanted = 0;
  const auto read = [&] {
    const Request request = Request::to_read(storage.fd(), 16);
    callbacks.attach(request->aio_sigevent);
    BOOST_REQUIRE(aio_read(request) == 0);
    BOOST_REQUIRE(callbacks.wait_for(++wanted));
  };
  std::this_thread::sleep_for(std::chrono::milliseconds{2500});  // others' threads have ended
  {
    const BlockedSignal blocked{SIGHUP};
    read();
    BOOST_TEST(is_blocked_there);
  }
  BOOST_TEST(eventually([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds{3000});
    read();
    return !is_blocked_there;
  }));
}

BOOST_AUTO_TEST_CASE(a_mask_that_a_callback_leaves_does_not_reach_the_next) {
  const Storage storage{StorageKind::buffered_file};
  std::atomic<int> blocked_count = 0;
  Callbacks callbacks{[&] {
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    blocked_count += is_blocked(mask, SIGHUP);
    sigfillset(&mask);
    pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  }};
  for (int round = 0; round < 20; ++round) {
    const Request read = Request::to_read(storage.fd(), 16);
    callbacks.attach(read->aio_sigevent);
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_REQUIRE(callbacks.wait_for(round + 1));
  }
  BOOST_TEST(blocked_count == 0);
}

BOOST_AUTO_TEST_CASE(a_callback_may_block_and_others_still_run) {
  const Storage storage{StorageKind::buffered_file};
  std::atomic<bool> released = false;
  Callbacks stuck{[&] {
    while (!released) std::this_thread::sleep_for(1ms);
  }};
  Callbacks callbacks;
  std::vector<Request> reads;
  for (int index = 0; index < 100; ++index) {
    reads.push_back(Request::to_read(storage.fd(), 16, index));
    (index < 40 ? stuck : callbacks).attach(reads.back()->aio_sigevent);
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  BOOST_TEST(callbacks.wait_for(60, 5s * slowness()));
  BOOST_TEST(stuck.count() == 0);
  released = true;
  BOOST_TEST(stuck.wait_for(40));
}

BOOST_AUTO_TEST_CASE(a_callback_may_free_the_block_and_the_buffer) {
  const Storage storage{StorageKind::buffered_file};
  Callbacks counter;
  for (int index = 0; index < 300; ++index) {
    auto* self = new SelfFreeing;
    self->counter = &counter;
    aiocb& block = *self->block;
    block.aio_fildes = storage.fd();
    block.aio_buf = self->buffer;
    block.aio_nbytes = 4096;
    block.aio_offset = index;
    block.aio_sigevent.sigev_notify = SIGEV_THREAD;
    block.aio_sigevent.sigev_value.sival_ptr = self;
    block.aio_sigevent.sigev_notify_function = [](sigval value) {
      auto* finished = static_cast<SelfFreeing*>(value.sival_ptr);
      sigevent event{};
      finished->counter->attach(event);
      std::memset(finished->block, 0x5a, sizeof(aiocb));
      delete finished->block;
      delete[] finished->buffer;
      delete finished;
      event.sigev_notify_function(event.sigev_value);
    };
    BOOST_REQUIRE(aio_read(&block) == 0);
  }
  BOOST_TEST(counter.wait_for(300));
}

BOOST_AUTO_TEST_CASE(a_callback_may_end_its_thread) {
  const Storage storage{StorageKind::buffered_file};
  exited_count = 0;
  std::vector<Request> reads;
  for (int index = 0; index < 100; ++index) {
    reads.push_back(Request::to_read(storage.fd(), 16, index));
    reads.back()->aio_sigevent.sigev_notify = SIGEV_THREAD;
    reads.back()->aio_sigevent.sigev_notify_function = [](sigval) {
      ++exited_count;
      pthread_exit(nullptr);
    };
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  BOOST_TEST(eventually([] { return exited_count == 100; }));
  BOOST_TEST(stays([] { return exited_count == 100; }));
}

BOOST_AUTO_TEST_CASE(a_callback_may_submit) {
  const Storage storage{StorageKind::buffered_file};
  std::vector<Request> reads;
  for (int index = 0; index < 100; ++index)
    reads.push_back(Request::to_read(storage.fd(), 16, index));
  std::atomic<int> next = 1;
  std::atomic<int> refused_count = 0;
  Callbacks callbacks{[&] {
    if (const int index = next++; index < 100) refused_count += aio_read(reads[index]) != 0;
  }};
  for (const Request& read : reads) callbacks.attach(read->aio_sigevent);
  BOOST_REQUIRE(aio_read(reads[0]) == 0);
  BOOST_TEST(callbacks.wait_for(100));
  BOOST_TEST(refused_count == 0);
}

// glibc starts a thread for each.
BOOST_DATA_TEST_CASE(many_callbacks_do_not_start_many_threads,
                     data::make({0, 100, 1000}) ^ data::make({64, 512, 512}), work_us,
                     most_allowed) {
  const Storage storage{StorageKind::buffered_file};
  const int before = thread_count();
  int most = 0;
  Callbacks callbacks{[time_us = work_us] {
    if (time_us > 0) std::this_thread::sleep_for(std::chrono::microseconds{time_us});
  }};
  std::vector<Request> reads;
  for (int index = 0; index < 2000; ++index) {
    reads.push_back(Request::to_read(storage.fd(), 16, index));
    callbacks.attach(reads.back()->aio_sigevent);
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  const auto all_ran = [&] {
    most = std::max(most, thread_count());
    return callbacks.count() == 2000;
  };
  BOOST_TEST(eventually(all_ran));
  BOOST_TEST(most < before + most_allowed);
}

// The signals are the process's, and every other thread blocks them.
BOOST_TEST_DECORATOR(*without_sanitizer())
BOOST_AUTO_TEST_CASE(handlers_that_interrupt_callbacks_may_submit) {
  const Storage storage{StorageKind::buffered_file};
  FromHandler submitted;
  submitted.fd = storage.fd();
  from_handler = &submitted;
  Callbacks callbacks;
  const Request first = Request::to_read(storage.fd(), 16);  // callbacks have the mask of now
  callbacks.attach(first->aio_sigevent);
  BOOST_REQUIRE(aio_read(first) == 0);
  BOOST_REQUIRE(callbacks.wait_for(1));
  const BlockedSignal blocked{SIGUSR1};
  const SignalHandler handler{SIGUSR1, submit_from_handler, SA_RESTART};
  std::jthread sender{[](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      ::kill(::getpid(), SIGUSR1);
      std::this_thread::yield();
    }
  }};
  constexpr int round_count = 1000;
  std::size_t seen_count = 0;
  // One callback at a time, so that its thread goes to sleep after each; nothing else wakes
  // it to go on with what it left lying.
  for (int round = 0; round < round_count; ++round) {
    const Request read = Request::to_read(storage.fd(), 16);
    callbacks.attach(read->aio_sigevent);
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_REQUIRE(callbacks.wait_for(round + 2));
    if (round == round_count - 1) {
      sender.request_stop();
      sender.join();
    }
    BOOST_REQUIRE(eventually([&] { return submitted.begun_count == submitted.ended_count; }));
    const std::size_t count = std::min(submitted.ended_count.load(), FromHandler::count_max);
    for (; seen_count < count; ++seen_count)
      BOOST_TEST(wait_done(&submitted.blocks[seen_count]) == 0);
  }
  BOOST_TEST(seen_count > 0u);
  BOOST_TEST(submitted.refused_count == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
