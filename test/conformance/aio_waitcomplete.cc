// SPDX-License-Identifier: MIT
// aio_waitcomplete(): the next completion of any request. Because it is about
// all requests of the process, each case first takes what earlier ones left.
#include "cases.h"

#include "support/child.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <pthread.h>
#include <string>
#include <sys/mman.h>
#include <thread>

BOOST_AUTO_TEST_SUITE(waiting_for_any)

namespace {

constexpr timespec no_time{0, 0};
constexpr timespec long_time{10, 0};
std::atomic<int> handled_count;

struct Drained {
  Drained() {
    aiocb* block = nullptr;
    do aio_waitcomplete(&block, &no_time);
    while (block != nullptr);
  }
};

}  // namespace

struct Taker {
  pthread_t thread;
  std::atomic<bool> took = false;

  static void* take_one(void* self) {
    aiocb* block = nullptr;
    static_cast<Taker*>(self)->took = aio_waitcomplete(&block, nullptr) == 1;
    return nullptr;
  }
};

BOOST_DATA_TEST_CASE(it_gives_each_completion_once, data::make(storage_kinds()), kind) {
  const Drained drained;
  const Storage storage{kind};
  std::vector<Request> reads;
  std::map<aiocb*, int> counts;
  for (int index = 0; index < 300; ++index) {
    reads.push_back(Request::to_read(storage.fd(), 4096, 4096 * (index % 256)));
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  for (int index = 0; index < 300; ++index) {
    aiocb* block = nullptr;
    BOOST_REQUIRE(aio_waitcomplete(&block, &long_time) == 4096);
    BOOST_REQUIRE(block != nullptr);
    BOOST_TEST(aio_error(block) == 0);
    ++counts[block];
  }
  for (const Request& read : reads) BOOST_TEST(counts[read] == 1);
  aiocb* none = reads[0];
  BOOST_TEST(errno_of([&] { return aio_waitcomplete(&none, &no_time); }) == EAGAIN);
  BOOST_TEST(none == nullptr);
}

BOOST_DATA_TEST_CASE(it_waits, data::make(channel_kinds()), kind) {
  const Drained drained;
  const Channel channel{kind};
  const Request read = Request::to_read(channel.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  std::thread sender{[&] {
    std::this_thread::sleep_for(20ms);
    channel.send("text");
  }};
  aiocb* block = nullptr;
  BOOST_TEST(aio_waitcomplete(&block, nullptr) == 4);
  BOOST_TEST(block == read);
  sender.join();
}

BOOST_AUTO_TEST_CASE(a_failed_request_gives_its_error) {
  const Drained drained;
  const Request read = Request::to_read(-1, 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  aiocb* block = nullptr;
  BOOST_TEST(errno_of([&] { return aio_waitcomplete(&block, &long_time); }) == EBADF);
  BOOST_TEST(block == read);
}

BOOST_AUTO_TEST_CASE(a_cancelled_request_is_a_completion) {
  const Drained drained;
  const Channel pipe{ChannelKind::pipe};
  const Request read = Request::to_read(pipe.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_REQUIRE(aio_cancel(pipe.reader(), read) == AIO_CANCELED);
  aiocb* block = nullptr;
  BOOST_TEST(errno_of([&] { return aio_waitcomplete(&block, &long_time); }) == ECANCELED);
  BOOST_TEST(block == read);
}

BOOST_AUTO_TEST_CASE(what_aio_return_took_is_not_given) {
  const Drained drained;
  const Storage storage{StorageKind::buffered_file};
  const Request taken = Request::to_read(storage.fd(), 10);
  const Request left = Request::to_read(storage.fd(), 20);
  BOOST_REQUIRE(aio_read(taken) == 0);
  BOOST_REQUIRE(aio_read(left) == 0);
  BOOST_TEST(wait_done(taken) == 0);
  BOOST_TEST(aio_return(taken) == 10);
  aiocb* block = nullptr;
  BOOST_TEST(aio_waitcomplete(&block, &long_time) == 20);
  BOOST_TEST(block == left);
  BOOST_TEST(errno_of([&] { return aio_waitcomplete(&block, &no_time); }) == EAGAIN);
  BOOST_TEST(block == nullptr);
}

BOOST_AUTO_TEST_CASE(a_timeout_says_EAGAIN) {
  const Drained drained;
  const Channel pipe{ChannelKind::pipe};
  const Request read = Request::to_read(pipe.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  aiocb* block = read;
  const timespec short_time{0, 30'000'000};
  int number = 0;
  const Duration time =
      time_of([&] { number = errno_of([&] { return aio_waitcomplete(&block, &short_time); }); });
  BOOST_TEST(number == EAGAIN);
  BOOST_TEST(block == nullptr);
  BOOST_TEST((time >= 30ms));
  for (const timespec& look : {no_time, timespec{-1, 0}})
    BOOST_TEST(errno_of([&] { return aio_waitcomplete(&block, &look); }) == EAGAIN);
}

BOOST_AUTO_TEST_CASE(nanoseconds_out_of_range_say_EINVAL) {
  const Drained drained;
  const Channel pipe{ChannelKind::pipe};
  const Request read = Request::to_read(pipe.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  aiocb* block = read;
  for (const timespec& timeout : {timespec{0, -1}, timespec{0, 1'000'000'000}}) {
    BOOST_TEST(errno_of([&] { return aio_waitcomplete(&block, &timeout); }) == EINVAL);
    BOOST_TEST(block == nullptr);
  }
}

BOOST_AUTO_TEST_CASE(with_nothing_outstanding_it_does_not_wait_for_ever) {
  const Drained drained;
  aiocb* block = nullptr;
  BOOST_TEST(errno_of([&] { return aio_waitcomplete(&block, nullptr); }) == EAGAIN);
  BOOST_TEST(block == nullptr);
}

BOOST_AUTO_TEST_CASE(a_handler_makes_it_say_EINTR) {
  const Drained drained;
  const Channel pipe{ChannelKind::pipe};
  const SignalHandler handler{SIGUSR1, [](int) { ++handled_count; }};
  const Request read = Request::to_read(pipe.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  aiocb* block = read;
  int number = 0;
  {
    const Interrupter interrupter{SIGUSR1};
    number = errno_of([&] { return aio_waitcomplete(&block, &long_time); });
  }
  BOOST_TEST(number == EINTR);
  BOOST_TEST(block == nullptr);
  BOOST_TEST(in_progress(read));
}

BOOST_AUTO_TEST_CASE(many_threads_share_the_completions) {
  const Drained drained;
  const Storage storage{StorageKind::buffered_file};
  std::vector<Request> reads;
  for (int index = 0; index < 400; ++index)
    reads.push_back(Request::to_read(storage.fd(), 16, index));
  std::atomic<int> taken_count = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&] {
      while (taken_count < 400) {
        aiocb* block = nullptr;
        const timespec little{0, 5'000'000};
        if (aio_waitcomplete(&block, &little) == 16) ++taken_count;
      }
    });
  for (const Request& read : reads) BOOST_TEST(aio_read(read) == 0);
  BOOST_TEST(eventually([&] { return taken_count >= 400; }));
  const int total = taken_count.exchange(400);  // lets them end in any case
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(total == 400);
}

// Of several threads one takes the last result; the others are told that none will come.
BOOST_DATA_TEST_CASE(who_waits_without_a_time_is_told_when_nothing_is_left,
                     data::make({ChannelKind::pipe, ChannelKind::pty_slave}) *
                         data::make({1, 2, 5}),
                     kind, thread_count) {
  const Drained drained;
  const Channel channel{kind};
  for (int round = 0; round < 20; ++round) {
    const Request read = Request::to_read(channel.reader(), 1);
    BOOST_REQUIRE(aio_read(read) == 0);
    std::atomic<int> taken_count = 0;
    std::atomic<int> told_count = 0;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < thread_count; ++thread)
      threads.emplace_back([&] {
        aiocb* block = nullptr;
        if (aio_waitcomplete(&block, nullptr) == 1)
          ++taken_count;
        else
          told_count += errno == EAGAIN && block == nullptr;
      });
    std::this_thread::sleep_for(round % 2 == 0 ? 2ms : 0ms);
    channel.send("x");
    BOOST_REQUIRE(eventually([&] { return taken_count + told_count == thread_count; }));
    for (std::thread& thread : threads) thread.join();
    BOOST_TEST(taken_count == 1);
  }
}

// A sanitizer takes the stack of a thread that is unwound inside a system call
// for overwritten.
BOOST_TEST_DECORATOR(*without_sanitizer())
BOOST_DATA_TEST_CASE(who_is_cancelled_leaves_its_result_to_another,
                     data::make({ChannelKind::pipe, ChannelKind::pty_slave}), kind) {
  const Channel channel{kind};
  for (int round = 0; round < 200; ++round) {
    const Drained drained;
    std::vector<Request> reads;
    for (int index = 0; index < 6; ++index) {
      reads.push_back(Request::to_read(channel.reader(), 1));
      BOOST_REQUIRE(aio_read(reads.back()) == 0);
    }
    std::array<Taker, 4> takers;
    for (Taker& taker : takers)
      BOOST_REQUIRE(pthread_create(&taker.thread, nullptr, Taker::take_one, &taker) == 0);
    std::this_thread::sleep_for(2ms);
    // One read ends and all but one are cancelled; that one gets what they do not take.
    Taker& last = takers[round % takers.size()];
    channel.send("x");
    for (const auto until = Clock::now() + 1us * (round / 2); Clock::now() < until;) {
    }
    for (Taker& taker : takers)
      if (&taker != &last) pthread_cancel(taker.thread);
    for (Taker& taker : takers)
      if (&taker != &last) pthread_join(taker.thread, nullptr);
    const auto taken_count =
        std::ranges::count_if(takers, [](auto& taker) { return taker.took.load(); });
    if (!last.took) channel.send(std::string(taken_count, 'x'));
    BOOST_TEST(eventually([&] { return last.took.load(); }));
    channel.send("x");  // lets it end in any case
    pthread_join(last.thread, nullptr);
  }
}

BOOST_AUTO_TEST_CASE(a_freed_block_may_be_used_again_for_another_request) {
  const Drained drained;
  const Storage storage{StorageKind::buffered_file};
  const Request read = Request::to_read(storage.fd(), 10);
  for (int round = 1; round <= 100; ++round) {
    read->aio_nbytes = round % 10 + 1;
    BOOST_REQUIRE(aio_read(read) == 0);
    aiocb* block = nullptr;
    BOOST_REQUIRE(aio_waitcomplete(&block, &long_time) == round % 10 + 1);
    BOOST_TEST(block == read);
  }
}

// From the moment of its completion a block is its owner's, who may have freed it.
BOOST_AUTO_TEST_CASE(a_block_that_is_given_is_not_touched) {
  const Drained drained;
  const Storage storage{StorageKind::buffered_file};
  const Request read = Request::to_read(storage.fd(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(wait_done(read) == 0);
  const std::string scribble(sizeof(aiocb), 'S');
  std::memcpy(static_cast<aiocb*>(read), scribble.data(), sizeof(aiocb));
  aiocb* block = nullptr;
  BOOST_TEST(aio_waitcomplete(&block, &long_time) == 10);
  BOOST_TEST(block == read);
  BOOST_TEST(std::memcmp(static_cast<aiocb*>(read), scribble.data(), sizeof(aiocb)) == 0);
  std::memset(static_cast<aiocb*>(read), 0, sizeof(aiocb));
}

namespace {

// A control block in memory that can be taken away.
class PageBlock {
 public:
  PageBlock(int fd, int sigev_notify) {
    block_ = static_cast<aiocb*>(
        ::mmap(nullptr, sizeof(aiocb), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    block_->aio_fildes = fd;
    block_->aio_buf = buffer_;
    block_->aio_nbytes = sizeof buffer_;
    block_->aio_sigevent.sigev_notify = sigev_notify;
  }
  ~PageBlock() { ::munmap(block_, sizeof(aiocb)); }
  PageBlock(const PageBlock&) = delete;
  PageBlock& operator=(const PageBlock&) = delete;

  operator aiocb*() const { return block_; }
  void take_away() { ::mprotect(block_, sizeof(aiocb), PROT_NONE); }

 private:
  aiocb* block_;
  char buffer_[16];
};

}  // namespace

// Done, and freed without aio_return(): nothing may be written there, and nothing read.
BOOST_DATA_TEST_CASE(a_block_that_is_gone_is_named_and_not_touched, data::make({false, true}),
                     asked_before) {
  const Storage storage{StorageKind::buffered_file};
  const int result = run_in_child([&] {
    aiocb* block = nullptr;
    if (asked_before) aio_waitcomplete(&block, &no_time);
    PageBlock gone{storage.fd(), SIGEV_NONE};
    if (aio_read(gone) != 0 || wait_done(gone) != 0) return 1;
    gone.take_away();
    return aio_waitcomplete(&block, &long_time) == 16 && block == gone ? 0 : 2;
  });
  BOOST_TEST(result == 0);
}

// It has been taken, though the block cannot tell: it has not been written.
BOOST_AUTO_TEST_CASE(what_was_taken_still_has_its_status_and_result_and_is_not_given_again) {
  const Drained drained;
  const Storage storage{StorageKind::buffered_file};
  const Request read = Request::to_read(storage.fd(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  aiocb* block = nullptr;
  BOOST_REQUIRE(aio_waitcomplete(&block, &long_time) == 10);
  BOOST_TEST(aio_error(read) == 0);
  BOOST_TEST(aio_return(read) == 10);
  BOOST_TEST(errno_of([&] { return aio_waitcomplete(&block, &no_time); }) == EAGAIN);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(aio_waitcomplete(&block, &long_time) == 10);
  BOOST_TEST(block == read);
}

// 1,024 of those that were done before anybody asked. Needs a process in which
// nobody did.
BOOST_AUTO_TEST_CASE(the_last_completions_before_the_first_call_are_remembered,
                     *without_sanitizer()) {
  const Storage storage{StorageKind::buffered_file};
  const int result = run_in_child([&] {
    std::vector<Request> reads;
    for (int index = 0; index < 1500; ++index) {
      reads.push_back(Request::to_read(storage.fd(), 16, index));
      if (aio_read(reads.back()) != 0 || wait_done(reads.back()) != 0) return 1;
    }
    int count = 0;
    for (aiocb* block = reads[0]; block != nullptr; ++count)
      if (aio_waitcomplete(&block, &no_time) != 16 && block != nullptr) return 2;
    return count - 1 >= 1024 ? 0 : 3;
  });
  BOOST_TEST(result == 0);
}

BOOST_AUTO_TEST_SUITE_END()
