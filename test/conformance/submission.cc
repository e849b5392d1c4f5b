// SPDX-License-Identifier: MIT
// What aio_read() and aio_write() say at the call, and which aiocb they take.
#include "cases.h"

#include "support/seed.h"

#include <atomic>
#include <cstring>
#include <random>
#include <thread>

BOOST_AUTO_TEST_SUITE(submission)

namespace {

// Fills a control block with bytes that mean nothing, then sets what the
// program has to set.
void fill_over(aiocb* block, const Request& request, const void* garbage) {
  std::memcpy(block, garbage, sizeof *block);
  block->aio_fildes = request->aio_fildes;
  block->aio_lio_opcode = request->aio_lio_opcode;
  block->aio_reqprio = 0;
  block->aio_buf = request->aio_buf;
  block->aio_nbytes = request->aio_nbytes;
  block->aio_offset = request->aio_offset;
  block->aio_sigevent.sigev_notify = SIGEV_NONE;
}

}  // namespace

BOOST_DATA_TEST_CASE(a_priority_outside_the_range_says_EINVAL, data::make(both_directions()),
                     direction) {
  const Storage storage{StorageKind::buffered_file};
  for (const int priority : {-1, 21, 1000, INT32_MIN, INT32_MAX}) {
    const Request request = Request::to_read(storage.fd(), 4096);
    request->aio_reqprio = priority;
    BOOST_TEST(errno_of([&] { return submit(direction, request); }) == EINVAL);
  }
}

BOOST_DATA_TEST_CASE(every_priority_in_the_range_is_accepted,
                     data::make(both_directions()) * data::make(storage_kinds()), direction, kind) {
  const Storage storage{kind};
  for (int priority = 0; priority <= 20; ++priority) {
    const Request request = Request::to_read(storage.fd(), 4096, 4096 * priority);
    request->aio_reqprio = priority;
    BOOST_REQUIRE(submit(direction, request) == 0);
    BOOST_TEST(wait_done(request) == 0);
    BOOST_TEST(aio_return(request) == 4096);
  }
}

BOOST_DATA_TEST_CASE(an_unknown_notification_says_EINVAL, data::make(both_directions()),
                     direction) {
  const Storage storage{StorageKind::buffered_file};
  for (const int kind : {3, 77, -1, INT32_MAX}) {
    const Request request = Request::to_read(storage.fd(), 4096);
    request->aio_sigevent.sigev_notify = kind;
    BOOST_TEST(errno_of([&] { return submit(direction, request); }) == EINVAL);
  }
}

BOOST_DATA_TEST_CASE(a_signal_that_does_not_exist_says_EINVAL, data::make(both_directions()),
                     direction) {
  const Storage storage{StorageKind::buffered_file};
  for (const int number : {-1, 65, 1000, INT32_MIN, INT32_MAX}) {
    const Request request = Request::to_read(storage.fd(), 4096);
    request->aio_sigevent.sigev_notify = SIGEV_SIGNAL;
    request->aio_sigevent.sigev_signo = number;
    BOOST_TEST(errno_of([&] { return submit(direction, request); }) == EINVAL);
  }
}

BOOST_AUTO_TEST_CASE(nothing_is_queued_by_a_call_that_fails) {
  const Channel pipe{ChannelKind::pipe};
  const Request refused = Request::to_read(pipe.reader(), 10);
  refused->aio_reqprio = -1;
  BOOST_TEST(aio_read(refused) == -1);
  BOOST_TEST(aio_cancel(pipe.reader(), nullptr) == AIO_ALLDONE);
  pipe.send("text");
  const Request accepted = Request::to_read(pipe.reader(), 10);
  BOOST_REQUIRE(aio_read(accepted) == 0);
  BOOST_TEST(wait_done(accepted) == 0);
  BOOST_TEST(aio_return(accepted) == 4);
}

BOOST_DATA_TEST_CASE(a_zeroed_block_asks_for_no_notification, data::make(both_directions()),
                     direction) {
  const Storage storage{StorageKind::buffered_file};
  const AlignedBuffer buffer{4096};
  aiocb block{};
  block.aio_fildes = storage.fd();
  block.aio_buf = buffer.data();
  block.aio_nbytes = 4096;
  BOOST_REQUIRE(block.aio_sigevent.sigev_notify == SIGEV_SIGNAL);
  BOOST_REQUIRE(submit(direction, &block) == 0);
  BOOST_TEST(wait_done(&block) == 0);
  BOOST_TEST(aio_return(&block) == 4096);
}

BOOST_AUTO_TEST_CASE(a_block_in_progress_says_EINVAL_and_is_unharmed) {
  const Channel pipe{ChannelKind::pipe};
  const Request read = Request::to_read(pipe.reader(), 100);
  BOOST_REQUIRE(aio_read(read) == 0);
  BOOST_TEST(errno_of([&] { return aio_read(read); }) == EINVAL);
  BOOST_TEST(errno_of([&] { return aio_write(read); }) == EINVAL);
  BOOST_TEST(errno_of([&] { return aio_fsync(O_SYNC, read); }) == EINVAL);
  BOOST_TEST(errno_of([&] { return aio_readv(read); }) == EINVAL);
  BOOST_TEST(in_progress(read));
  pipe.send("text");
  BOOST_TEST(wait_done(read) == 0);
  BOOST_REQUIRE(aio_return(read) == 4);
  BOOST_TEST(read.text(4) == "text");
}

BOOST_DATA_TEST_CASE(a_finished_block_may_be_submitted_again_without_aio_return,
                     data::make(storage_kinds()), kind) {
  const Storage storage{kind};
  const Request read = Request::to_read(storage.fd(), 4096);
  for (int round = 0; round < 50; ++round) {
    read->aio_offset = 4096 * round;
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_TEST(wait_done(read) == 0);
    BOOST_TEST(is_pattern(read.text(4096), 4096 * round));
  }
  BOOST_TEST(aio_return(read) == 4096);
}

BOOST_AUTO_TEST_CASE(a_finished_block_may_be_submitted_as_something_else) {
  const Storage storage{StorageKind::buffered_file};
  const Request request = Request::to_read(storage.fd(), 4096, 4096);
  BOOST_REQUIRE(aio_read(request) == 0);
  BOOST_TEST(wait_done(request) == 0);
  request->aio_offset = 8192;
  BOOST_REQUIRE(aio_write(request) == 0);
  BOOST_TEST(wait_done(request) == 0);
  BOOST_TEST(is_pattern(storage.read(4096, 8192), 4096));
  BOOST_REQUIRE(aio_fsync(O_SYNC, request) == 0);
  BOOST_TEST(wait_done(request) == 0);
  BOOST_TEST(aio_return(request) == 0);
}

BOOST_AUTO_TEST_CASE(uninitialised_memory_is_not_mistaken_for_a_request_in_progress) {
  const Storage storage{StorageKind::buffered_file};
  std::mt19937 random{seed()};
  const auto block = std::make_unique<aiocb>();
  for (int round = 0; round < 1000; ++round) {
    int garbage[sizeof(aiocb) / sizeof(int)];
    for (int& word : garbage)
      word = round % 4 == 0   ? EINPROGRESS
             : round % 4 == 1 ? -1
             : round % 4 == 2 ? static_cast<int>(random() % 256 * 0x01010101U)
                              : static_cast<int>(random());
    const Request request = Request::to_read(storage.fd(), 16, round);
    fill_over(block.get(), request, garbage);
    BOOST_REQUIRE(aio_read(block.get()) == 0);
    BOOST_REQUIRE(wait_done(block.get()) == 0);
    BOOST_REQUIRE(aio_return(block.get()) == 16);
  }
}

BOOST_AUTO_TEST_CASE(the_copy_of_a_block_in_progress_is_not_in_progress) {
  const Channel pipe{ChannelKind::pipe};
  const Storage storage{StorageKind::buffered_file};
  const Request waiting = Request::to_read(pipe.reader(), 100);
  BOOST_REQUIRE(aio_read(waiting) == 0);
  const Request other = Request::to_read(storage.fd(), 16, 5);
  const auto copy = std::make_unique<aiocb>();
  fill_over(copy.get(), other, waiting);
  BOOST_REQUIRE(aio_read(copy.get()) == 0);
  BOOST_TEST(wait_done(copy.get()) == 0);
  BOOST_TEST(aio_return(copy.get()) == 16);
  BOOST_TEST(is_pattern(other.text(16), 5));
  BOOST_TEST(in_progress(waiting));
  pipe.send("text");
  BOOST_TEST(wait_done(waiting) == 0);
  BOOST_TEST(aio_return(waiting) == 4);
}

// The owner may have freed it the moment that it saw the status.
BOOST_DATA_TEST_CASE(nothing_touches_a_block_or_buffer_after_completion,
                     data::make(storage_kinds()), kind) {
  const Storage storage{kind};
  std::vector<Request> reads;
  const std::string scribble(4096, 'S');
  for (int index = 0; index < 200; ++index) {
    reads.push_back(Request::to_read(storage.fd(), 4096, index * 4096));
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
    if (index % 10 != 9) continue;
    for (int done = index - 9; done <= index; ++done) {
      BOOST_REQUIRE(wait_done(reads[done]) == 0);
      std::memset(reads[done].data(), 'S', 4096);
      std::memset(static_cast<aiocb*>(reads[done]), 'S', sizeof(aiocb));
    }
  }
  std::this_thread::sleep_for(a_while);
  for (const Request& read : reads) {
    BOOST_TEST(read.text(4096) == scribble);
    BOOST_TEST(std::memcmp(static_cast<aiocb*>(read), scribble.data(), sizeof(aiocb)) == 0);
    std::memset(static_cast<aiocb*>(read), 0, sizeof(aiocb));
  }
}

BOOST_DATA_TEST_CASE(a_request_outlives_the_thread_that_made_it,
                     data::make(both_directions()) * data::make(storage_kinds()), direction, kind) {
  const Storage storage{kind};
  std::vector<Request> requests;
  std::atomic<int> accepted_count = 0;
  for (int index = 0; index < 20; ++index)
    requests.push_back(Request::to_read(storage.fd(), 4096, index * 4096));
  for (const Request& request : requests)
    std::thread{[&] { accepted_count += submit(direction, request) == 0; }}.join();
  BOOST_TEST(accepted_count == 20);
  for (const Request& request : requests) {
    BOOST_TEST(wait_done(request) == 0);
    BOOST_TEST(aio_return(request) == 4096);
  }
}

BOOST_AUTO_TEST_CASE(many_threads_may_submit_on_one_descriptor) {
  const Storage storage{StorageKind::buffered_file, 4 << 20};
  std::atomic<int> good_count = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread)
    threads.emplace_back([&, thread] {
      for (int round = 0; round < 100; ++round) {
        const off_t offset = 4096 * ((round * 8 + thread) % 1000);
        const Request read = Request::to_read(storage.fd(), 4096, offset);
        if (aio_read(read) == 0 && wait_done(read) == 0 && aio_return(read) == 4096)
          good_count += is_pattern(read.text(4096), offset);
      }
    });
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(good_count == 800);
}

BOOST_AUTO_TEST_SUITE_END()
