// SPDX-License-Identifier: MIT
// A child of fork() starts afresh; in a child of a program that has used glibc's
// POSIX AIO nothing ever completes.
#include "cases.h"

#include "support/child.h"

#include <atomic>
#include <functional>
#include <sys/wait.h>
#include <thread>

// Under ThreadSanitizer a child of a program with threads may not start any.
BOOST_AUTO_TEST_SUITE(forking, *without_sanitizer())

namespace {

// 0 when every way to be told works.
int try_everything(const Storage& storage) {
  const Request read = Request::to_read(storage.fd(), 4096, 4096);
  if (aio_read(read) != 0 || wait_done(read, 5s * slowness()) != 0 || aio_return(read) != 4096)
    return 1;
  const Request write = Request::to_write(storage.fd(), pattern(4096), 0);
  Callbacks callbacks;
  callbacks.attach(write->aio_sigevent);
  if (aio_write(write) != 0 || !callbacks.wait_for(1, 5s * slowness())) return 2;
  const Channel pipe{ChannelKind::pipe};
  const Request waiting = Request::to_read(pipe.reader(), 10);
  const BlockedSignal signal{queue_signal()};
  signal.attach(waiting->aio_sigevent);
  if (aio_read(waiting) != 0 || !stays([&] { return in_progress(waiting); }, 10ms)) return 3;
  pipe.send("text");
  if (!signal.next(5s) || aio_return(waiting) != 4) return 4;
  const Request sync = Request::to_sync(storage.fd());
  const aiocb* const list[] = {sync};
  if (aio_fsync(O_SYNC, sync) != 0 || aio_suspend(list, 1, nullptr) != 0) return 5;
  const Channel terminal{ChannelKind::pty_slave};
  const Request line = Request::to_read(terminal.reader(), 10);
  if (aio_read(line) != 0 || aio_cancel(terminal.reader(), line) != AIO_CANCELED) return 6;
  return 0;
}

// In a child for which no handlers run, neither the program's nor the C library's own: it may do
// little else.
int run_in_bare_child(const std::function<int()>& body) {
  const pid_t child = checked(::_Fork(), "_Fork");
  if (child == 0) {
    ::alarm(20);
    ::_exit(body());
  }
  int status = 0;
  checked(::waitpid(child, &status, 0), "waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace

BOOST_DATA_TEST_CASE(a_child_can_use_it, data::make(storage_kinds()), kind) {
  const Storage storage{kind};
  BOOST_TEST(try_everything(storage) == 0);
  BOOST_TEST(run_in_child([&] { return try_everything(storage); }) == 0);
  BOOST_TEST(try_everything(storage) == 0);
}

BOOST_DATA_TEST_CASE(a_child_of__Fork_can_use_it_and_has_no_requests_of_its_parents,
                     data::make(storage_kinds()), kind) {
  const Storage storage{kind};
  const Channel pipe{ChannelKind::pipe};
  const Request waiting = Request::to_read(pipe.reader(), 10);
  BOOST_REQUIRE(aio_read(waiting) == 0);
  Request read = Request::to_read(storage.fd(), 4096, 4096);
  const Request line = Request::to_read(pipe.reader(), 10);
  const int result = run_in_bare_child([&] {
    if (aio_error(waiting) != ECANCELED) return 1;
    if (aio_read(read) != 0) return 2;
    const aiocb* const list[] = {read};
    while (aio_error(read) == EINPROGRESS) aio_suspend(list, 1, nullptr);
    if (aio_error(read) != 0 || aio_return(read) != 4096) return 3;
    if (aio_read(line) != 0 || aio_error(line) != EINPROGRESS) return 4;
    return aio_cancel(pipe.reader(), line) == AIO_CANCELED ? 0 : 5;
  });
  BOOST_TEST(result == 0);
  pipe.send("x");
  BOOST_TEST(wait_done(waiting) == 0);
}

BOOST_AUTO_TEST_CASE(a_grandchild_can_use_it) {
  const Storage storage{StorageKind::buffered_file};
  const int result = run_in_child([&] {
    if (const int own = try_everything(storage); own != 0) return own;
    return run_in_child([&] { return try_everything(storage); }) + 10;
  });
  BOOST_TEST(result == 10);
}

BOOST_AUTO_TEST_CASE(many_children_can_use_it) {
  const Storage storage{StorageKind::direct_file};
  std::vector<Request> reads;
  for (int round = 0; round < 20; ++round) {
    for (int index = 0; index < 20; ++index) {
      reads.push_back(Request::to_read(storage.fd(), 4096, 4096 * index));
      BOOST_REQUIRE(aio_read(reads.back()) == 0);
    }
    BOOST_TEST(run_in_child([&] { return try_everything(storage); }) == 0);
  }
  for (const Request& read : reads) {
    BOOST_TEST(wait_done(read) == 0);
    BOOST_TEST(aio_return(read) == 4096);
  }
}

// The child has a copy of everything, and must not take the parent's part.
BOOST_DATA_TEST_CASE(the_parents_requests_stay_the_parents, data::make(channel_kinds()), kind) {
  const Channel channel{kind};
  const Storage storage{StorageKind::buffered_file};
  Callbacks callbacks;
  std::vector<Request> reads;
  for (int index = 0; index < 3; ++index) {
    reads.push_back(Request::to_read(channel.reader(), 10));
    callbacks.attach(reads.back()->aio_sigevent);
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  BOOST_TEST(run_in_child([&] { return try_everything(storage); }) == 0);
  for (const Request& read : reads) {
    BOOST_TEST(in_progress(read));
    channel.send("text");
    BOOST_TEST(wait_done(read) == 0);
    BOOST_TEST(aio_return(read) == 4);
  }
  BOOST_TEST(callbacks.wait_for(3));
  BOOST_TEST(stays([&] { return callbacks.count() == 3; }));
}

BOOST_AUTO_TEST_CASE(a_child_that_does_nothing_takes_no_completions) {
  const Storage storage{StorageKind::direct_file};
  for (int round = 0; round < 20; ++round) {
    const Request read = Request::to_read(storage.fd(), 4096);
    BOOST_REQUIRE(aio_read(read) == 0);
    BOOST_TEST(run_in_child([&] { return aio_error(read) > 200; }) == 0);
    BOOST_TEST(wait_done(read) == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_program_may_fork_while_its_threads_submit) {
  const Storage storage{StorageKind::buffered_file};
  std::atomic<bool> ending = false;
  std::atomic<int> wrong_count = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 3; ++thread)
    threads.emplace_back([&] {
      while (!ending) {
        const Request read = Request::to_read(storage.fd(), 4096);
        const aiocb* const list[] = {read};
        wrong_count += aio_read(read) != 0 || aio_suspend(list, 1, nullptr) != 0;
      }
    });
  for (int round = 0; round < 30; ++round)
    BOOST_TEST(run_in_child([&] { return try_everything(storage); }) == 0);
  ending = true;
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(wrong_count == 0);
}

BOOST_AUTO_TEST_SUITE_END()
