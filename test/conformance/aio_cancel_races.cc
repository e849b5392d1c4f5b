// SPDX-License-Identifier: MIT
// aio_cancel() while requests are carried out, and by several threads.
#include "cases.h"

#include "support/seed.h"

#include <atomic>
#include <random>
#include <thread>

BOOST_AUTO_TEST_SUITE(cancelling_races)

BOOST_DATA_TEST_CASE(file_requests_end_as_the_answer_says, data::make(storage_kinds()), kind) {
  const Storage storage{kind, 8 << 20};
  for (const bool all_at_once : {true, false}) {
    std::vector<Request> requests;
    for (int index = 0; index < 1000; ++index) {
      const off_t offset = 4096 * (index * 37 % 2048);
      requests.push_back(index % 2 == 0
                             ? Request::to_read(storage.fd(), 4096, offset)
                             : Request::to_write(storage.fd(), pattern(4096, offset), offset));
      BOOST_REQUIRE((index % 2 == 0 ? aio_read : aio_write)(requests.back()) == 0);
    }
    const int answer = all_at_once ? aio_cancel(storage.fd(), nullptr) : -1;
    for (const Request& request : requests) {
      const int own = all_at_once ? answer : aio_cancel(storage.fd(), request);
      if (own == AIO_ALLDONE) BOOST_TEST(!in_progress(request));
      const int status = wait_done(request);
      const bool cancelled = status == ECANCELED;
      BOOST_TEST((status == 0 || cancelled));
      BOOST_TEST(aio_return(request) == (cancelled ? -1 : 4096));
      if (!all_at_once) BOOST_TEST(cancelled == (own == AIO_CANCELED));
    }
    BOOST_TEST(aio_cancel(storage.fd(), nullptr) == AIO_ALLDONE);
  }
  BOOST_TEST(is_pattern(storage.read(8 << 20, 0)));
}

// Data is either given to the request or left in the stream.
BOOST_DATA_TEST_CASE(cancelling_while_data_comes_loses_none, data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  std::mt19937 random{seed()};
  for (int round = 0; round < 300; ++round) {
    const Request read = Request::to_read(channel.reader(), 10);
    BOOST_REQUIRE(aio_read(read) == 0);
    const auto spin_count = static_cast<unsigned>(random() % 3000);
    std::thread sender{[&] {
      for (volatile unsigned spin = 0; spin < spin_count;) spin = spin + 1;
      channel.send("text");
    }};
    for (volatile unsigned spin = 0; spin < 30000;) spin = spin + 1;
    const int answer = aio_cancel(channel.reader(), read);
    const int status = wait_done(read);
    sender.join();
    BOOST_REQUIRE(answer >= 0);
    BOOST_REQUIRE(status == (answer == AIO_CANCELED ? ECANCELED : 0));
    if (answer == AIO_CANCELED)
      BOOST_REQUIRE(channel.receive(10) == "text");
    else
      BOOST_REQUIRE(read.text(static_cast<std::size_t>(aio_return(read))) == "text");
  }
}

BOOST_AUTO_TEST_CASE(many_threads_may_cancel_the_same_requests) {
  const Channel pipe{ChannelKind::pipe};
  for (int round = 0; round < 20; ++round) {
    Callbacks callbacks;
    std::vector<Request> reads;
    for (int index = 0; index < 50; ++index) {
      reads.push_back(Request::to_read(pipe.reader(), 10));
      callbacks.attach(reads.back()->aio_sigevent);
      BOOST_REQUIRE(aio_read(reads.back()) == 0);
    }
    std::atomic<int> wrong_count = 0;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread)
      threads.emplace_back([&] {
        for (const Request& read : reads) {
          const int answer = aio_cancel(pipe.reader(), read);
          wrong_count += answer != AIO_CANCELED && answer != AIO_ALLDONE;
          wrong_count += aio_error(read) != ECANCELED;
        }
      });
    for (std::thread& thread : threads) thread.join();
    BOOST_TEST(wrong_count == 0);
    BOOST_TEST(callbacks.wait_for(50));
    BOOST_TEST(callbacks.count() == 50);
  }
}

namespace {

// Threads that reap whatever comes, as they wait for what does not.
class RingReapers {
 public:
  RingReapers() {
    for (std::thread& thread : threads_) thread = std::thread{[this] { wait_again_and_again(); }};
  }
  ~RingReapers() {
    ending_ = true;
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void wait_again_and_again() {
    const Channel pipe{ChannelKind::pipe};
    const Request read = Request::to_read(pipe.reader(), 1);
    aio_read(read);
    const aiocb* const list[] = {read};
    for (long round = 0; !ending_; ++round) {
      const timespec little{0, round % 50 * 1000};
      aio_suspend(list, 1, &little);
    }
  }

  std::atomic<bool> ending_ = false;
  std::thread threads_[2];
};

}  // namespace

// What another thread completes just then has left the descriptor before its status is there.
BOOST_AUTO_TEST_CASE(a_descriptor_whose_requests_are_cancelled_or_done_has_none_in_progress) {
  const Channel pipe{ChannelKind::pipe};
  const RingReapers ring_reapers;
  std::atomic<bool> ending = false;
  std::thread sender{[&] {
    std::mt19937 random{seed() + 1};
    while (!ending) {
      pipe.send(std::string(1 + random() % 64, 'x'));
      for (volatile auto spin = random() % 20000; spin > 0;) spin = spin - 1;
    }
  }};
  std::mt19937 random{seed()};
  int wrong_count = 0;
  const auto deadline = Clock::now() + 2s;
  while (Clock::now() < deadline) {
    std::vector<Request> reads;
    for (auto index = 2 + random() % 5; index > 0; --index) {
      reads.push_back(Request::to_read(pipe.reader(), 64));
      if (aio_read(reads.back()) != 0) ++wrong_count;
    }
    for (volatile auto spin = random() % 3000; spin > 0;) spin = spin - 1;
    const int answer = aio_cancel(pipe.reader(), nullptr);
    int left_count = 0;
    for (const Request& read : reads) left_count += in_progress(read);
    wrong_count += left_count != 0 && answer != AIO_NOTCANCELED;
    wait_all_done(reads);
  }
  BOOST_TEST(wrong_count == 0);
  ending = true;
  // It may wait for room.
  const Request rest = Request::to_read(pipe.reader(), 1 << 20);
  aio_read(rest);
  sender.join();
}

BOOST_AUTO_TEST_SUITE_END()
