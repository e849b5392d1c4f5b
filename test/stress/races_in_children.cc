// SPDX-License-Identifier: MIT
// Narrow races, provoked in a process of their own.
#include "stress.h"
#include "support/channel.h"
#include "support/child.h"
#include "support/precondition.h"
#include "support/request.h"
#include "support/temporary_file.h"

#include <kaio/aio.h>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <pthread.h>
#include <thread>
#include <unistd.h>

using support::Request;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(races_in_children)

BOOST_AUTO_TEST_CASE(aio_waitcomplete_returns_what_the_pool_did_while_it_slept) {
  BOOST_TEST(support::run_in_child([] {
               const auto ends = support::make_pipe();
               const Request waiting = Request::to_read(ends.first.get(), 1);
               if (aio_read(waiting) != 0) return 1;
               const support::TemporaryFile file(support::tmpfs, 4096);
               const support::Fd fd = file.open(O_RDWR);
               const Request write = Request::to_write(fd.get(), "hello");
               std::thread other([&] {
                 ::usleep(200'000);
                 aio_write(write);
               });
               aiocb* done = nullptr;
               const timespec limit{.tv_sec = 5, .tv_nsec = 0};
               ssize_t result = 0;
               const auto took =
                   support::time_of([&] { result = aio_waitcomplete(&done, &limit); });
               other.join();
               aio_cancel(ends.first.get(), nullptr);
               return result == 5 && done == write && took < 3s ? 0 : 2;
             }) == 0);
}

BOOST_AUTO_TEST_CASE(aio_waitcomplete_never_says_that_nothing_is_left_while_something_is) {
  BOOST_TEST(support::run_in_child(
                 [] {
                   aiocb* done = nullptr;
                   const timespec no_time{};
                   aio_waitcomplete(&done, &no_time);  // from now on all are kept
                   const support::TemporaryFile file(support::tmpfs, 4096);
                   const support::Fd fd = file.open(O_RDWR);
                   for (int round = 0; round < (support::sanitized ? 2000 : 20000); ++round) {
                     const Request write = Request::to_write(fd.get(), "hello");
                     if (aio_write(write) != 0) return 1;
                     if (aio_waitcomplete(&done, nullptr) != 5 || done != write) {
                       std::fprintf(stderr, "round %d: %s\n", round, std::strerror(errno));
                       support::wait_done(write);
                       return 2;
                     }
                   }
                   return 0;
                 },
                 60) == 0);
}

BOOST_AUTO_TEST_CASE(a_read_that_waits_is_cancelled_though_another_thread_sleeps_for_completions) {
  BOOST_TEST(support::run_in_child(
                 [] {
                   const auto idle = support::make_pipe();
                   const Request never = Request::to_read(idle.first.get(), 1);
                   if (aio_read(never) != 0) return 1;
                   std::atomic<bool> ending{false};
                   std::thread sleeper([&] {
                     const aiocb* list[] = {never};
                     const timespec some_time{.tv_sec = 0, .tv_nsec = 50'000'000};
                     while (!ending) aio_suspend(list, 1, &some_time);
                   });
                   int refused = 0;
                   const auto ends = support::make_pipe();
                   for (int round = 0; round < 2000; ++round) {
                     const Request read = Request::to_read(ends.first.get(), 1);
                     if (aio_read(read) != 0) return 2;
                     if (aio_cancel(ends.first.get(), read) != AIO_CANCELED) ++refused;
                     if (support::in_progress(read)) aio_cancel(ends.first.get(), nullptr);
                   }
                   ending = true;
                   sleeper.join();
                   aio_cancel(idle.first.get(), nullptr);
                   if (refused != 0)
                     std::fprintf(stderr, "%d of 2000 were not cancelled\n", refused);
                   return refused == 0 ? 0 : 3;
                 },
                 60) == 0);
}

// None of the functions is a cancellation point, and none may be torn apart by one inside,
// whatever it has to ask about the descriptor. 0, or what went wrong.
int use_all_functions_while_being_cancelled(int descriptor) {
  static int fd = descriptor;
  static const support::Fd event = support::make_eventfd();
  static Request read = Request::to_read(fd, 512);
  static Request sync = Request::to_read(fd, 512);
  static int done = 0;
  read->aio_sigevent.sigev_notify = SIGEV_EVENTFD;
  read->aio_sigevent.sigev_notify_eventfd = event.get();
  std::thread thread([] {
    ::pthread_cancel(::pthread_self());
    done += aio_read(read) == 0;
    while (aio_error(read) == EINPROGRESS) {
    }
    aio_return(read);
    done += aio_cancel(fd, nullptr) == AIO_ALLDONE;
    done += aio_fsync(O_SYNC, sync) == 0;
    while (aio_error(sync) == EINPROGRESS) {
    }
    ::pthread_testcancel();
    done = -1;
  });
  thread.join();
  return done == 3 ? 0 : 1;
}

BOOST_TEST_DECORATOR(*support::without_sanitizer())  // what it intercepts are cancellation points
BOOST_DATA_TEST_CASE(a_thread_that_is_being_cancelled_can_still_use_all_functions_on_a_channel,
                     boost::unit_test::data::make(support::channel_kinds()), kind) {
  BOOST_TEST(support::run_in_child([kind = kind] {
               const support::Channel channel(kind);
               channel.send("some text\n");
               return use_all_functions_while_being_cancelled(channel.reader());
             }) == 0);
}

BOOST_TEST_DECORATOR(*support::without_sanitizer())  // what it intercepts are cancellation points
BOOST_DATA_TEST_CASE(a_thread_that_is_being_cancelled_can_still_use_all_functions_on_a_file,
                     boost::unit_test::data::make({O_RDWR, O_RDWR | O_DIRECT}), flags) {
  BOOST_TEST(support::run_in_child([flags = flags] {
               const support::TemporaryFile file(4096);
               const support::Fd fd = file.open(flags);
               return use_all_functions_while_being_cancelled(fd.get());
             }) == 0);
}

BOOST_TEST_DECORATOR(*support::without_sanitizer())  // what it intercepts are cancellation points
BOOST_DATA_TEST_CASE(a_thread_that_is_being_cancelled_can_still_use_all_functions_on_a_node,
                     boost::unit_test::data::make({"/dev/zero", "/", "/proc/self/status"}), path) {
  BOOST_TEST(support::run_in_child([path = path] {
               const support::Fd fd(::open(path, O_RDONLY));
               return use_all_functions_while_being_cancelled(fd.get());
             }) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
