// SPDX-License-Identifier: MIT
#include "cases.h"

#include <algorithm>
#include <atomic>
#include <thread>

BOOST_AUTO_TEST_SUITE(suspending)

namespace {

int suspend(const std::vector<const aiocb*>& list, const timespec* timeout = nullptr) {
  return aio_suspend(list.data(), static_cast<int>(list.size()), timeout);
}

constexpr timespec no_time{0, 0};
constexpr timespec short_time{0, 30'000'000};
constexpr timespec long_time{10, 0};

}  // namespace

BOOST_DATA_TEST_CASE(it_returns_when_a_listed_request_is_done, data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  const Request read = Request::to_read(channel.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  std::thread sender{[&] {
    std::this_thread::sleep_for(20ms);
    channel.send("text");
  }};
  BOOST_TEST(suspend({read}) == 0);
  BOOST_TEST(aio_error(read) == 0);
  BOOST_TEST(aio_return(read) == 4);
  sender.join();
}

BOOST_DATA_TEST_CASE(it_waits_for_files, data::make(storage_kinds()), kind) {
  const Storage storage{kind};
  for (int round = 0; round < 100; ++round) {
    const Request read = Request::to_read(storage.fd(), 4096, round * 4096);
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_REQUIRE(suspend({read}, &long_time) == 0);
    BOOST_REQUIRE(aio_error(read) == 0);
    BOOST_TEST(aio_return(read) == 4096);
  }
}

BOOST_AUTO_TEST_CASE(it_returns_at_once_when_one_was_done_before) {
  const Channel pipe{ChannelKind::pipe};
  const Storage storage{StorageKind::buffered_file};
  const Request waiting = Request::to_read(pipe.reader(), 10);
  const Request read = Request::to_read(storage.fd(), 10);
  BOOST_REQUIRE(aio_read(waiting) == 0);
  BOOST_REQUIRE(aio_read(read) == 0);
  wait_done(read);
  for (int round = 0; round < 10; ++round) BOOST_TEST(suspend({waiting, read}) == 0);
  aio_return(read);
  BOOST_TEST(suspend({waiting, read}) == 0);
  BOOST_TEST(in_progress(waiting));
}

BOOST_AUTO_TEST_CASE(what_was_never_submitted_counts_as_done) {
  const Channel pipe{ChannelKind::pipe};
  const Request waiting = Request::to_read(pipe.reader(), 10);
  BOOST_REQUIRE(aio_read(waiting) == 0);
  const aiocb never{};
  BOOST_TEST(suspend({waiting, &never}) == 0);
}

BOOST_AUTO_TEST_CASE(null_entries_are_ignored) {
  const Channel pipe{ChannelKind::pipe};
  const Request read = Request::to_read(pipe.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  const std::vector<const aiocb*> list{nullptr, read, nullptr};
  BOOST_TEST(errno_of([&] { return suspend(list, &short_time); }) == EAGAIN);
  pipe.send("text");
  BOOST_TEST(suspend(list) == 0);
  BOOST_TEST(aio_error(read) == 0);
}

BOOST_AUTO_TEST_CASE(an_empty_list_is_done) {
  const aiocb* const nothing[] = {nullptr, nullptr, nullptr};
  BOOST_TEST(aio_suspend(nothing, 0, nullptr) == 0);
  BOOST_TEST(aio_suspend(nothing, 3, nullptr) == 0);
  BOOST_TEST(aio_suspend(nothing, 3, &long_time) == 0);
}

BOOST_AUTO_TEST_CASE(a_negative_length_says_EINVAL) {
  const aiocb* const nothing[] = {nullptr};
  BOOST_TEST(errno_of([&] { return aio_suspend(nothing, -1, nullptr); }) == EINVAL);
  BOOST_TEST(errno_of([&] { return aio_suspend(nothing, INT32_MIN, nullptr); }) == EINVAL);
}

BOOST_DATA_TEST_CASE(after_the_timeout_it_says_EAGAIN, data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  const Request read = Request::to_read(channel.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  int number = 0;
  const Duration time =
      time_of([&] { number = errno_of([&] { return suspend({read}, &short_time); }); });
  BOOST_TEST(number == EAGAIN);
  BOOST_TEST((time >= 30ms));
  BOOST_TEST((time < 5s));
  BOOST_TEST(in_progress(read));
}

BOOST_AUTO_TEST_CASE(no_time_is_a_look) {
  const Channel pipe{ChannelKind::pipe};
  const Request read = Request::to_read(pipe.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  for (const timespec& timeout : {no_time, timespec{-1, 0}, timespec{-1000000, 999'999'999}})
    BOOST_TEST(errno_of([&] { return suspend({read}, &timeout); }) == EAGAIN);
  pipe.send("text");
  wait_done(read);
  for (const timespec& timeout : {no_time, timespec{-1, 0}})
    BOOST_TEST(suspend({read}, &timeout) == 0);
}

BOOST_DATA_TEST_CASE(looking_again_and_again_is_enough, data::make(storage_kinds()), kind) {
  const Storage storage{kind};
  const Request read = Request::to_read(storage.fd(), 65536);
  BOOST_REQUIRE(aio_read(read) == 0);
  const auto deadline = Clock::now() + patience;
  while (suspend({read}, &no_time) != 0 && Clock::now() < deadline) {
  }
  BOOST_TEST(aio_error(read) == 0);
}

BOOST_AUTO_TEST_CASE(nanoseconds_out_of_range_say_EINVAL) {
  const Channel pipe{ChannelKind::pipe};
  const Request read = Request::to_read(pipe.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  for (const timespec& timeout :
       {timespec{0, -1}, timespec{0, 1'000'000'000}, timespec{5, INT64_MAX}})
    BOOST_TEST(errno_of([&] { return suspend({read}, &timeout); }) == EINVAL);
}

BOOST_AUTO_TEST_CASE(a_very_long_timeout_does_not_overflow) {
  const Channel pipe{ChannelKind::pipe};
  const Request read = Request::to_read(pipe.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  std::thread sender{[&] {
    std::this_thread::sleep_for(20ms);
    pipe.send("text");
  }};
  const timespec for_ever{INT64_MAX, 999'999'999};
  BOOST_TEST(suspend({read}, &for_ever) == 0);
  BOOST_TEST(aio_error(read) == 0);
  sender.join();
}

BOOST_AUTO_TEST_CASE(it_returns_when_a_request_is_cancelled) {
  const Channel pipe{ChannelKind::pipe};
  const Request read = Request::to_read(pipe.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  std::thread canceller{[&] {
    std::this_thread::sleep_for(20ms);
    aio_cancel(pipe.reader(), read);
  }};
  BOOST_TEST(suspend({read}) == 0);
  BOOST_TEST(aio_error(read) == ECANCELED);
  canceller.join();
}

BOOST_DATA_TEST_CASE(a_list_may_be_of_any_length, data::make({1, 2, 127, 128, 129, 1000, 20000}),
                     length) {
  std::vector<Channel> channels;
  for (const ChannelKind kind : channel_kinds()) channels.emplace_back(kind);
  std::vector<Request> reads;
  for (int index = 0; index < length; ++index) {
    const Channel& channel = channels[index % channels.size()];
    reads.push_back(Request::to_read(channel.reader(), 10));
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  const auto list = const_list_of(reads);
  BOOST_TEST(errno_of([&] { return suspend(list, &short_time); }) == EAGAIN);
  std::thread sender{[&] {
    std::this_thread::sleep_for(20ms);
    channels.front().send("text");
  }};
  BOOST_TEST(suspend(list) == 0);
  BOOST_TEST(aio_error(list.front()) == 0);
  sender.join();
}

BOOST_AUTO_TEST_CASE(a_list_may_mix_files_and_streams_and_errors) {
  const Channel pipe{ChannelKind::pipe};
  const Channel terminal{ChannelKind::pty_slave};
  std::vector<Request> requests;
  requests.push_back(Request::to_read(pipe.reader(), 10));
  requests.push_back(Request::to_read(terminal.reader(), 10));
  std::vector<Storage> storages;
  for (const StorageKind kind : storage_kinds()) {
    storages.emplace_back(kind);
    requests.push_back(Request::to_read(storages.back().fd(), 4096));
  }
  requests.push_back(Request::to_read(-1, 4096));
  for (const Request& request : requests) BOOST_REQUIRE(aio_read(request) == 0);
  auto list = const_list_of(requests);
  // As tutorials do it: what is done is taken out of the list.
  for (std::size_t left = list.size(); left > 2;) {
    BOOST_REQUIRE(suspend(list, &long_time) == 0);
    const auto before = left;
    for (const aiocb*& one : list)
      if (one != nullptr && !in_progress(one)) {
        one = nullptr;
        --left;
      }
    BOOST_REQUIRE(left < before);
  }
  BOOST_TEST(errno_of([&] { return suspend(list, &short_time); }) == EAGAIN);
  terminal.send("text");
  BOOST_TEST(suspend(list, &long_time) == 0);
  BOOST_TEST(aio_error(requests[1]) == 0);
  pipe.send("text");
  list[1] = nullptr;
  BOOST_TEST(suspend(list, &long_time) == 0);
  BOOST_TEST(aio_error(requests[0]) == 0);
}

BOOST_DATA_TEST_CASE(all_threads_that_wait_for_one_request_return, data::make(channel_kinds()),
                     kind) {
  const Channel channel{kind};
  const Request read = Request::to_read(channel.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  std::atomic<int> good_count = 0;
  std::vector<std::thread> threads;
  for (int index = 0; index < 8; ++index)
    threads.emplace_back([&] { good_count += suspend({read}) == 0 && aio_error(read) == 0; });
  std::this_thread::sleep_for(20ms);
  channel.send("text");
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(good_count == 8);
}

BOOST_AUTO_TEST_CASE(threads_that_wait_for_different_requests_each_return_for_their_own) {
  constexpr int thread_count = 12;
  std::vector<Channel> channels;
  std::vector<Request> reads;
  for (int index = 0; index < thread_count; ++index) {
    channels.emplace_back(channel_kinds()[index % 6]);
    reads.push_back(Request::to_read(channels.back().reader(), 10));
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  std::atomic<int> returned_count = 0;
  std::atomic<int> wrong_count = 0;
  std::vector<std::thread> threads;
  for (const Request& read : reads)
    threads.emplace_back([&] {
      wrong_count += suspend({read}) != 0 || aio_error(read) != 0;
      ++returned_count;
    });
  // In an order that lets the thread that leads for the others leave first,
  // last and in between.
  for (int index = 0; index < thread_count; ++index) {
    BOOST_TEST(stays([&] { return returned_count == index; }, 5ms));
    channels[index * 5 % thread_count].send("text");
    BOOST_TEST(eventually([&] { return returned_count == index + 1; }));
  }
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(wrong_count == 0);
}

// Each waits for its own, for one that its neighbour waits for too, in lists that are short
// or too long for the kernel to sleep on all of it.
BOOST_DATA_TEST_CASE(long_lists_may_name_what_others_name_too, data::make(channel_kinds()), kind) {
  constexpr int thread_count = 8;
  constexpr int silent_count = 200;
  const Channel silent{kind};
  std::vector<Request> silent_reads;
  for (int index = 0; index < silent_count; ++index) {
    silent_reads.push_back(Request::to_read(silent.reader(), 10));
    BOOST_REQUIRE(aio_read(silent_reads.back()) == 0);
  }
  std::vector<Channel> channels;
  std::vector<Request> reads;
  for (int index = 0; index <= thread_count; ++index) {
    channels.emplace_back(kind);
    reads.push_back(Request::to_read(channels.back().reader(), 10));
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  std::atomic<int> returned_count = 0;
  std::atomic<int> wrong_count = 0;
  std::vector<std::thread> threads;
  for (int index = 0; index < thread_count; ++index)
    threads.emplace_back([&, index] {
      auto list = index % 3 == 2 ? std::vector<const aiocb*>{} : const_list_of(silent_reads);
      list.push_back(reads[index]);
      list.push_back(reads[index + 1]);
      wrong_count +=
          suspend(list) != 0 || (in_progress(reads[index]) && in_progress(reads[index + 1]));
      ++returned_count;
    });
  // Every other read ends what two threads wait for.
  for (int index = 1; index < thread_count; index += 2) {
    BOOST_TEST(stays([&] { return returned_count == index - 1; }, 5ms));
    channels[index].send("text");
    BOOST_TEST(eventually([&] { return returned_count == index + 1; }));
  }
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(wrong_count == 0);
}

BOOST_AUTO_TEST_CASE(many_threads_may_wait_for_files_at_once) {
  std::vector<Storage> storages;
  for (const StorageKind kind : storage_kinds()) storages.emplace_back(kind);
  std::atomic<int> good_count = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread)
    threads.emplace_back([&, thread] {
      const Storage& storage = storages[thread % storages.size()];
      for (int round = 0; round < 200; ++round) {
        const Request read = Request::to_read(storage.fd(), 4096, 4096 * (round % 256));
        good_count += aio_read(read) == 0 && suspend({read}) == 0 && aio_return(read) == 4096;
      }
    });
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(good_count == 1600);
}

BOOST_AUTO_TEST_SUITE_END()
