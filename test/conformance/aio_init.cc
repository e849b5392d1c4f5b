// SPDX-License-Identifier: MIT
#include "cases.h"

BOOST_AUTO_TEST_SUITE(initialising)

namespace {

void check_that_requests_work() {
  std::vector<Storage> storages;
  std::vector<Request> reads;
  for (const StorageKind kind : storage_kinds()) {
    storages.emplace_back(kind);
    for (int index = 0; index < 50; ++index) {
      reads.push_back(Request::to_read(storages.back().fd(), 4096, 4096 * index));
      BOOST_REQUIRE(aio_read(reads.back()) == 0);
    }
  }
  for (const Request& read : reads) {
    BOOST_TEST(wait_done(read) == 0);
    BOOST_TEST(aio_return(read) == 4096);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(it_is_accepted_at_any_time) {
  aioinit init{};
  for (const int threads : {1, 2, 20, 4}) {
    init.aio_threads = threads;
    init.aio_num = threads * 16;
    init.aio_idle_time = 1;
    aio_init(&init);
    check_that_requests_work();
  }
}

BOOST_AUTO_TEST_CASE(it_is_accepted_while_requests_are_in_progress) {
  const Channel pipe{ChannelKind::pipe};
  const Request read = Request::to_read(pipe.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  aioinit init{};
  init.aio_threads = 3;
  init.aio_num = 64;
  aio_init(&init);
  BOOST_TEST(in_progress(read));
  pipe.send("text");
  BOOST_TEST(wait_done(read) == 0);
  check_that_requests_work();
}

BOOST_AUTO_TEST_CASE(nonsense_does_no_harm) {
  for (const int nonsense : {0, -1, INT32_MIN}) {
    aioinit init;
    for (int* member :
         {&init.aio_threads, &init.aio_num, &init.aio_locks, &init.aio_usedba, &init.aio_debug,
          &init.aio_numusers, &init.aio_idle_time, &init.aio_reserved})
      *member = nonsense;
    aio_init(&init);
    check_that_requests_work();
  }
}

BOOST_AUTO_TEST_CASE(one_thread_is_enough_for_everything_that_waits) {
  aioinit init{};
  init.aio_threads = 1;
  init.aio_num = 1;
  aio_init(&init);
  std::vector<Channel> channels;
  std::vector<Request> waiting;
  for (int index = 0; index < 60; ++index) {
    channels.emplace_back(channel_kinds()[index % 6]);
    waiting.push_back(Request::to_read(channels.back().reader(), 10));
    BOOST_REQUIRE(aio_read(waiting.back()) == 0);
  }
  check_that_requests_work();
  for (int index = 0; index < 60; ++index) {
    channels[index].send("text");
    BOOST_TEST(wait_done(waiting[index]) == 0);
  }
  init.aio_threads = 16;
  aio_init(&init);
}

BOOST_AUTO_TEST_SUITE_END()
