// SPDX-License-Identifier: MIT
// SIGEV_THREAD with callback_threads=fresh: a thread for each callback.
#include "cases.h"
#include "fresh_threads.h"

#include "support/child.h"
#include "support/process.h"

#include <atomic>
#include <pthread.h>
#include <sys/resource.h>
#include <thread>

BOOST_AUTO_TEST_SUITE(notification_fresh_threads)

namespace {

void read_with(Callbacks& callbacks, const Storage& storage, int& count) {
  const Request read = Request::to_read(storage.fd(), 16);
  callbacks.attach(read->aio_sigevent);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_REQUIRE(callbacks.wait_for(++count));
}

std::atomic<int> ended_count;

}  // namespace

BOOST_AUTO_TEST_CASE(fresh_threads_have_the_default_stack_size) {
  const FreshThreads fresh;
  const Storage storage{StorageKind::buffered_file};
  std::size_t wanted_bytes = 0;
  pthread_attr_t defaults;
  pthread_attr_init(&defaults);
  pthread_attr_getstacksize(&defaults, &wanted_bytes);
  pthread_attr_destroy(&defaults);
  std::size_t seen_bytes = 0;
  Callbacks callbacks{[&] {
    pthread_attr_t own;
    pthread_getattr_np(pthread_self(), &own);
    pthread_attr_getstacksize(&own, &seen_bytes);
    pthread_attr_destroy(&own);
  }};
  int count = 0;
  read_with(callbacks, storage, count);
  BOOST_TEST(seen_bytes + (64 << 10) >= wanted_bytes);  // without the guard
}

// glibc: as many threads as callbacks.
BOOST_DATA_TEST_CASE(two_thousand_at_once_take_few_fresh_threads_at_a_time,
                     data::make({0, 100, 1000}), work_us) {
  const FreshThreads fresh;
  const Storage storage{StorageKind::buffered_file};
  std::atomic<int> now = 0;
  std::atomic<int> most = 0;
  Callbacks callbacks{[&] {
    const int count = ++now;
    for (int before = most; before < count && !most.compare_exchange_weak(before, count);)
      ;
    if (work_us > 0) std::this_thread::sleep_for(std::chrono::microseconds{work_us});
    --now;
  }};
  std::vector<Request> reads;
  for (int index = 0; index < 2000; ++index) {
    reads.push_back(Request::to_read(storage.fd(), 16, index));
    callbacks.attach(reads.back()->aio_sigevent);
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  BOOST_TEST(callbacks.wait_for(2000, 60s * slowness()));
  BOOST_TEST(most <= (sanitized ? 1024 : 512));  // 64 where none is held up for long
}

BOOST_AUTO_TEST_CASE(fresh_threads_that_wait_for_each_other_all_begin) {
  const FreshThreads fresh;
  const Storage storage{StorageKind::buffered_file};
  constexpr int callback_count = 300;
  std::atomic<int> begun_count = 0;
  Callbacks callbacks{[&] {
    ++begun_count;
    while (begun_count < callback_count) std::this_thread::sleep_for(1ms);
  }};
  std::vector<Request> reads;
  for (int index = 0; index < callback_count; ++index) {
    reads.push_back(Request::to_read(storage.fd(), 16, index));
    callbacks.attach(reads.back()->aio_sigevent);
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  BOOST_TEST(callbacks.wait_for(callback_count, 60s * slowness()));
}

BOOST_AUTO_TEST_CASE(fresh_threads_may_end_by_themselves) {
  const FreshThreads fresh;
  const Storage storage{StorageKind::buffered_file};
  ended_count = 0;
  std::vector<Request> reads;
  for (int index = 0; index < 300; ++index) {
    reads.push_back(Request::to_read(storage.fd(), 16, index));
    reads.back()->aio_sigevent.sigev_notify = SIGEV_THREAD;
    reads.back()->aio_sigevent.sigev_notify_function = [](sigval) {
      ++ended_count;
      pthread_exit(nullptr);
    };
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  BOOST_TEST(eventually([] { return ended_count == 300; }));
}

BOOST_AUTO_TEST_CASE(without_room_for_a_fresh_thread_it_is_told_all_the_same,
                     *without_sanitizer()) {
  const Storage storage{StorageKind::buffered_file};  // which that user could not remove
  const int result = run_in_child([&storage] {
    const FreshThreads fresh;
    Callbacks callbacks;
    int count = 0;
    read_with(callbacks, storage, count);  // there is a thread that can tell
    const rlimit none{0, 0};
    if (setgid(12345) != 0 || setuid(12345) != 0 || setrlimit(RLIMIT_NPROC, &none) != 0) return 77;
    for (int round = 0; round < 20; ++round) read_with(callbacks, storage, count);
    return 0;
  });
  BOOST_TEST((result == 0 || result == 77));
}

BOOST_AUTO_TEST_CASE(the_option_takes_two_values) {
  BOOST_TEST(errno_of([] { return kaio_set_option("callback_threads", "new"); }) == EINVAL);
  BOOST_TEST(kaio_set_option("callback_threads", "fresh") == 0);
  BOOST_TEST(kaio_set_option("callback_threads", "reuse") == 0);
}

BOOST_AUTO_TEST_SUITE_END()
