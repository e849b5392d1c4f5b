// SPDX-License-Identifier: MIT
// aio_suspend() when signals and cancellation come in between.
#include "cases.h"

#include <atomic>
#include <pthread.h>
#include <thread>

BOOST_AUTO_TEST_SUITE(suspending_interrupted)

namespace {

int suspend(const aiocb* block, const timespec* timeout = nullptr) {
  const aiocb* const list[] = {block};
  return aio_suspend(list, 1, timeout);
}

constexpr timespec long_time{10, 0};

std::atomic<int> handled_count;
void count(int) { ++handled_count; }

std::atomic<const aiocb*> block_to_finish;
std::atomic<int> fd_to_feed;

// Lets the request finish, and sees it finished, before it returns.
void finish_the_request(int) {
  if (handled_count++ > 0) return;
  [[maybe_unused]] const ssize_t written = ::write(fd_to_feed, "text", 4);
  const auto deadline = Clock::now() + 5s * slowness();
  while (aio_error(block_to_finish) == EINPROGRESS && Clock::now() < deadline) {
  }
}

// A pipe is waited for by the kernel's ring, a terminal by a thread.
const std::vector<ChannelKind> two_ways_to_wait{ChannelKind::pipe, ChannelKind::pty_slave};

struct Waiter {
  const aiocb* block;
  std::atomic<bool> waiting = false;
  std::atomic<bool> cleaned_up = false;
};

void* wait_until_cancelled(void* argument) {
  auto* waiter = static_cast<Waiter*>(argument);
  pthread_cleanup_push([](void* self) { static_cast<Waiter*>(self)->cleaned_up = true; }, argument);
  waiter->waiting = true;
  suspend(waiter->block);
  pthread_cleanup_pop(0);
  return nullptr;
}

}  // namespace

BOOST_DATA_TEST_CASE(a_handler_makes_it_say_EINTR, data::make(two_ways_to_wait), kind) {
  const Channel channel{kind};
  const SignalHandler handler{SIGUSR1, count};
  const Request read = Request::to_read(channel.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  for (const timespec* timeout : {static_cast<const timespec*>(nullptr), &long_time}) {
    handled_count = 0;
    int number = 0;
    {
      const Interrupter interrupter{SIGUSR1};
      number = errno_of([&] { return suspend(read, timeout); });
    }
    BOOST_TEST(number == EINTR);
    BOOST_TEST(handled_count > 0);
    BOOST_TEST(in_progress(read));
  }
  channel.send("text");
  BOOST_TEST(wait_done(read) == 0);
}

BOOST_AUTO_TEST_CASE(a_handler_makes_it_say_EINTR_however_long_the_list) {
  const Channel pipe{ChannelKind::pipe};
  const SignalHandler handler{SIGUSR1, count};
  std::vector<Request> reads;
  for (int index = 0; index < 300; ++index) {
    reads.push_back(Request::to_read(pipe.reader(), 10));
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  const auto list = const_list_of(reads);
  int number = 0;
  {
    const Interrupter interrupter{SIGUSR1};
    number = errno_of([&] { return aio_suspend(list.data(), 300, nullptr); });
  }
  BOOST_TEST(number == EINTR);
}

BOOST_TEST_DECORATOR(*where_all_handlers_restart())
BOOST_DATA_TEST_CASE(with_SA_RESTART_and_no_timeout_it_goes_on_waiting,
                     data::make(two_ways_to_wait), kind) {
  const Channel channel{kind};
  const SignalHandler handler{SIGUSR1, count, SA_RESTART};
  const Request read = Request::to_read(channel.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  handled_count = 0;
  std::thread sender{[&] {
    eventually([] { return handled_count >= 5; });
    channel.send("text");
  }};
  int result = -1;
  {
    const Interrupter interrupter{SIGUSR1};
    result = suspend(read);
  }
  BOOST_TEST(result == 0);
  BOOST_TEST(handled_count >= 5);
  BOOST_TEST(aio_error(read) == 0);
  sender.join();
}

BOOST_DATA_TEST_CASE(with_SA_RESTART_and_a_timeout_it_says_EINTR, data::make(two_ways_to_wait),
                     kind) {
  const Channel channel{kind};
  const SignalHandler handler{SIGUSR1, count, SA_RESTART};
  const Request read = Request::to_read(channel.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  int number = 0;
  {
    const Interrupter interrupter{SIGUSR1};
    number = errno_of([&] { return suspend(read, &long_time); });
  }
  BOOST_TEST(number == EINTR);
}

BOOST_DATA_TEST_CASE(it_says_0_when_a_request_was_done_during_the_handler,
                     data::make(two_ways_to_wait), kind) {
  for (int round = 0; round < 10; ++round) {
    const Channel channel{kind};
    const SignalHandler handler{SIGUSR1, finish_the_request};
    const Request read = Request::to_read(channel.reader(), 10);
    BOOST_REQUIRE(aio_read(read) == 0);
    handled_count = 0;
    block_to_finish = read;
    fd_to_feed = channel.writer();
    int number = -1;
    {
      const Interrupter interrupter{SIGUSR1, 5ms};
      number = errno_of([&] { return suspend(read); });
    }
    BOOST_TEST(number == 0);
    BOOST_TEST(aio_error(read) == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_signal_for_another_thread_does_not_disturb_it) {
  const Channel pipe{ChannelKind::pipe};
  const SignalHandler handler{SIGUSR1, count};
  const Request read = Request::to_read(pipe.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  std::atomic<int> number = -1;
  std::thread waiter{[&] { number = errno_of([&] { return suspend(read); }); }};
  handled_count = 0;
  {
    const Interrupter interrupter{SIGUSR1, 2ms};
    BOOST_TEST(eventually([] { return handled_count >= 10; }));
  }
  BOOST_TEST(number == -1);
  pipe.send("text");
  waiter.join();
  BOOST_TEST(number == 0);
}

// A sanitizer takes the stack of a thread that is unwound inside a system call
// for overwritten.
BOOST_TEST_DECORATOR(*without_sanitizer())
BOOST_DATA_TEST_CASE(it_is_a_cancellation_point, data::make(two_ways_to_wait), kind) {
  const Channel channel{kind};
  const Request read = Request::to_read(channel.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  for (int round = 0; round < 10; ++round) {
    Waiter waiter{read};
    pthread_t thread;
    BOOST_REQUIRE(pthread_create(&thread, nullptr, wait_until_cancelled, &waiter) == 0);
    BOOST_TEST(eventually([&waiting = waiter.waiting] { return waiting.load(); }));
    std::this_thread::sleep_for(round % 2 == 0 ? 5ms : 0ms);
    BOOST_REQUIRE(pthread_cancel(thread) == 0);
    void* result = nullptr;
    BOOST_REQUIRE(pthread_join(thread, &result) == 0);
    BOOST_TEST(result == PTHREAD_CANCELED);
    BOOST_TEST(waiter.cleaned_up);
  }
  // Nothing is left behind: the others go on as ever.
  BOOST_TEST(in_progress(read));
  std::thread sender{[&] {
    std::this_thread::sleep_for(20ms);
    channel.send("text");
  }};
  BOOST_TEST(suspend(read) == 0);
  BOOST_TEST(aio_return(read) == 4);
  sender.join();
}

BOOST_DATA_TEST_CASE(a_thread_that_cannot_be_cancelled_goes_on_waiting,
                     data::make(two_ways_to_wait), kind) {
  const Channel channel{kind};
  const Request read = Request::to_read(channel.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  std::atomic<bool> waiting = false;
  int answer = -1;
  std::thread waiter{[&] {
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
    waiting = true;
    answer = suspend(read);
  }};
  BOOST_TEST(eventually([&] { return waiting.load(); }));
  std::this_thread::sleep_for(5ms);
  BOOST_REQUIRE(pthread_cancel(waiter.native_handle()) == 0);
  BOOST_TEST(stays([&] { return in_progress(read); }));
  channel.send("text");
  waiter.join();
  BOOST_TEST(answer == 0);
  BOOST_TEST(aio_return(read) == 4);
}

BOOST_TEST_DECORATOR(*without_sanitizer())
BOOST_DATA_TEST_CASE(a_cancelled_waiter_does_not_hold_up_other_waiters,
                     data::make(two_ways_to_wait), kind) {
  const Channel channel{kind};
  const Request read = Request::to_read(channel.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  Waiter waiter{read};
  pthread_t first;
  BOOST_REQUIRE(pthread_create(&first, nullptr, wait_until_cancelled, &waiter) == 0);
  std::this_thread::sleep_for(10ms);
  std::atomic<int> good_count = 0;
  std::vector<std::thread> others;
  for (int index = 0; index < 4; ++index)
    others.emplace_back([&] { good_count += suspend(read) == 0; });
  std::this_thread::sleep_for(10ms);
  pthread_cancel(first);
  pthread_join(first, nullptr);
  channel.send("text");
  for (std::thread& other : others) other.join();
  BOOST_TEST(good_count == 4);
}

BOOST_AUTO_TEST_CASE(a_waiter_that_timed_out_leaves_nothing_behind) {
  const Channel pipe{ChannelKind::pipe};
  std::vector<Request> reads;
  for (int index = 0; index < 50; ++index) {
    reads.push_back(Request::to_read(pipe.reader(), 1));
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  const auto list = const_list_of(reads);
  std::vector<std::thread> threads;
  std::atomic<int> wrong_count = 0;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&] {
      const timespec little{0, 100'000};
      for (int round = 0; round < 200; ++round)
        wrong_count += errno_of([&] { return aio_suspend(list.data(), 50, &little); }) != EAGAIN;
    });
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(wrong_count == 0);
  pipe.send(std::string(50, 'x'));
  wait_all_done(reads);
}

BOOST_AUTO_TEST_SUITE_END()
