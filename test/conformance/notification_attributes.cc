// SPDX-License-Identifier: MIT
// SIGEV_THREAD when the program says how the thread has to be, and when there can
// be none.
#include "cases.h"

#include "support/child.h"
#include "support/limit.h"
#include "support/process.h"

#include <atomic>
#include <cstring>
#include <pthread.h>
#include <thread>

BOOST_AUTO_TEST_SUITE(notification_attributes)

BOOST_AUTO_TEST_CASE(the_attributes_are_honoured_and_copied) {
  const Storage storage{StorageKind::buffered_file};
  // Larger than any stack that lies in the cache of unused ones.
  constexpr std::size_t stack_bytes = 40 << 20;
  std::atomic<std::size_t> seen_bytes = 0;
  Callbacks callbacks{[&] {
    pthread_attr_t own;
    pthread_getattr_np(pthread_self(), &own);
    std::size_t size_bytes = 0;
    pthread_attr_getstacksize(&own, &size_bytes);
    pthread_attr_destroy(&own);
    seen_bytes = size_bytes;
  }};
  const Channel pipe{ChannelKind::pipe};
  for (const int fd : {storage.fd(), pipe.reader()}) {
    seen_bytes = 0;
    const Request read = Request::to_read(fd, 16);
    {
      pthread_attr_t attributes;
      pthread_attr_init(&attributes);
      pthread_attr_setstacksize(&attributes, stack_bytes);
      callbacks.attach(read->aio_sigevent, &attributes);
      BOOST_REQUIRE(aio_read(read) == 0);
      pthread_attr_destroy(&attributes);
      std::memset(&attributes, 0x5a, sizeof attributes);
    }
    pipe.send("text");
    BOOST_TEST(eventually([&] { return seen_bytes != 0; }));
    BOOST_TEST(seen_bytes >= stack_bytes - (64 << 10));  // without the guard
  }
  BOOST_TEST(callbacks.wait_for(2));
}

BOOST_DATA_TEST_CASE(attributes_may_say_joinable_or_detached,
                     data::make({PTHREAD_CREATE_JOINABLE, PTHREAD_CREATE_DETACHED}), state) {
  const Storage storage{StorageKind::buffered_file};
  Callbacks callbacks;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, state);
  const int before = thread_count();
  for (int round = 0; round < 50; ++round) {
    const Request read = Request::to_read(storage.fd(), 16);
    callbacks.attach(read->aio_sigevent, &attributes);
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_REQUIRE(callbacks.wait_for(round + 1));
  }
  pthread_attr_destroy(&attributes);
  BOOST_TEST(eventually([&] { return thread_count() < before + 20; }));
}

BOOST_AUTO_TEST_CASE(when_no_thread_can_be_made_with_the_attributes_it_is_told_all_the_same,
                     *without_sanitizer()) {
  const Storage storage{StorageKind::buffered_file};
  Callbacks callbacks;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  BOOST_REQUIRE(pthread_attr_setstacksize(&attributes, std::size_t{1} << 46) == 0);
  const Request read = Request::to_read(storage.fd(), 16);
  callbacks.attach(read->aio_sigevent, &attributes);
  const int number = errno_of([&] { return aio_read(read); });
  pthread_attr_destroy(&attributes);
  if (number == 0) {
    BOOST_TEST(callbacks.wait_for(1));
    BOOST_TEST(aio_error(read) == 0);
  } else {  // refused: the program knows
    BOOST_TEST(number == EAGAIN);
    BOOST_TEST(callbacks.count() == 0);
  }
}

// glibc loses the notification in silence.
BOOST_AUTO_TEST_CASE(when_no_thread_can_be_made_it_is_told_later_or_refused, *without_sanitizer()) {
  const Storage storage{StorageKind::buffered_file};
  const int result = run_in_child([&] {
    Callbacks callbacks;
    const Request read = Request::to_read(storage.fd(), 16);
    callbacks.attach(read->aio_sigevent);
    int number = 0;
    {
      const Limit no_room_for_a_stack{RLIMIT_AS, address_space_bytes() + (1 << 20)};
      number = errno_of([&] { return aio_read(read); });
      std::this_thread::sleep_for(a_while);
    }
    if (number != 0) return number == EAGAIN ? 0 : 1;
    return callbacks.wait_for(1) ? 0 : 2;
  });
  BOOST_TEST(result == 0);
}

BOOST_AUTO_TEST_SUITE_END()
