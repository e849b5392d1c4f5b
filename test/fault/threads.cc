// SPDX-License-Identifier: MIT
// Threads that cannot be made: when a call is refused for it, and what becomes of what it accepted.
#include "faults.h"
#include "mixed_io.h"
#include "patience.h"
#include "support/channel.h"
#include "support/child.h"
#include "support/limit.h"
#include "support/pattern.h"
#include "support/precondition.h"

#include <kaio/aio.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <filesystem>
#include <grp.h>
#include <memory>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

using fault::faults;
using fault::install_faults;
using fault::mixed_rounds;
using fault::patience_s;
using support::ChannelKind;
using support::Request;
using support::run_in_child;
namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(threads)

namespace {

constexpr int list_length = 12;

void keep_threads_for(int idle_seconds) {
  aioinit kept{};
  kept.aio_threads = 2;
  kept.aio_num = 8;
  kept.aio_idle_time = idle_seconds;
  aio_init(&kept);
}

constexpr useconds_t longer_than_kept_us = 2'500'000;

// True: there was one.
bool close_epoll_instances() {
  bool closed = false;
  std::vector<int> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    if (std::filesystem::read_symlink(entry.path(), error) == "anon_inode:[eventpoll]")
      found.push_back(std::stoi(entry.path().filename()));
  }
  for (const int fd : found) closed = ::syscall(SYS_close, fd) == 0;
  return closed;
}

// Each of another file, so that none waits for another.
int none_is_accepted_and_then_refused(int threads, bool as_list, int mode) {
  install_faults();
  std::vector<std::unique_ptr<support::TemporaryFile>> files;
  std::vector<support::Fd> fds;
  std::vector<Request> writes;
  const support::Fd told = support::make_eventfd(0, EFD_NONBLOCK);
  for (int i = 0; i < list_length; ++i) {
    files.push_back(std::make_unique<support::TemporaryFile>(0));
    fds.push_back(files.back()->open(O_RDWR));
    writes.push_back(Request::to_write(fds.back().get(), support::pattern(4096, 0), 0));
    writes.back()->aio_lio_opcode = LIO_WRITE;
    writes.back()->aio_sigevent.sigev_notify = SIGEV_EVENTFD;
    writes.back()->aio_sigevent.sigev_notify_eventfd = told.get();
  }
  faults.threads_refused_from = threads;
  int call_error = 0;
  if (as_list) {
    auto list = support::list_of(writes);
    call_error = lio_listio(mode, list.data(), list_length, nullptr) != 0 ? errno : 0;
  }
  eventfd_t done_count = 0, refused_count = 0;
  for (Request& write : writes) {
    if (!as_list && aio_write(write) != 0) {
      if (errno != EAGAIN) return 2;
      continue;
    }
    const int status = support::wait_done(write);
    if (status == EAGAIN)
      ++refused_count;
    else if (status != 0)
      return 3;
    else if (++done_count, aio_return(write) != 4096)
      return 4;
  }
  // The reaper's thread, if there is one, may have the first attempt's answer before the call does,
  // which then returns before it turns out that there is no thread (doc/limits.md). Those are told
  // of, and what is refused is not.
  const eventfd_t too_late_max = threads == 0 ? 0 : 2;
  eventfd_t told_count = 0;
  const auto look = [&] {
    eventfd_t more = 0;
    if (::eventfd_read(told.get(), &more) == 0) told_count += more;
    return told_count >= done_count;
  };
  if (!support::eventually(look)) return 5;
  ::usleep(50'000);
  look();
  const eventfd_t too_late_count = told_count - done_count;
  if (too_late_count > too_late_max || too_late_count > refused_count) return 6;
  if (!as_list) return refused_count == too_late_count ? 0 : 7;
  // EIO: of a list that waits, something failed that had begun.
  const int expected = refused_count > too_late_count          ? EAGAIN
                       : mode == LIO_WAIT && refused_count > 0 ? EIO
                                                               : 0;
  return call_error == expected ? 0 : 8;
}

// A terminal's read is done by a thread as soon as there is something to read. The reaper is
// there, for the notification.
int read_of_terminal_outlasts(std::int64_t shortage_ms, int status, ssize_t result) {
  install_faults();
  keep_threads_for(1);
  const support::Channel channel(ChannelKind::pty_slave);
  Request read = Request::to_read(channel.reader(), 4);
  read->aio_sigevent.sigev_notify = SIGEV_SIGNAL;
  read->aio_sigevent.sigev_signo = SIGURG;  // which is ignored
  if (aio_read(read) != 0) return 1;
  ::usleep(longer_than_kept_us);
  faults.threads_refused_from = 0;
  channel.send("text");
  ::usleep(static_cast<useconds_t>(shortage_ms * 1000));
  faults.threads_refused_from = INT_MAX;
  return support::wait_done(read) == status && aio_return(read) == result ? 0 : 2;
}

}  // namespace

BOOST_DATA_TEST_CASE(without_more_threads_calls_are_refused_or_slower_but_nothing_hangs,
                     data::make({0, 1, 2, 3, 4, 6}), threads) {
  BOOST_TEST(run_in_child(
                 [&] {
                   install_faults();
                   faults.threads_refused_from = threads;
                   return mixed_rounds(2, true);
                 },
                 60 + patience_s) == 0);
}

BOOST_DATA_TEST_CASE(no_call_succeeds_for_what_can_have_no_thread, data::make({0, 1, 2}), threads) {
  BOOST_TEST(run_in_child([&] { return none_is_accepted_and_then_refused(threads, false, 0); },
                          patience_s) == 0);
}

BOOST_DATA_TEST_CASE(no_list_succeeds_for_what_can_have_no_thread,
                     data::make({0, 1, 2}) * data::make({LIO_NOWAIT, LIO_WAIT}), threads, mode) {
  BOOST_TEST(run_in_child([&] { return none_is_accepted_and_then_refused(threads, true, mode); },
                          patience_s) == 0);
}

BOOST_AUTO_TEST_CASE(what_waits_for_a_thread_can_be_cancelled) {
  BOOST_TEST(run_in_child(
                 [] {
                   install_faults();
                   keep_threads_for(1);
                   const support::Channel channel(ChannelKind::pty_slave);
                   Request read = Request::to_read(channel.reader(), 4);
                   read->aio_sigevent.sigev_notify = SIGEV_SIGNAL;
                   read->aio_sigevent.sigev_signo = SIGURG;
                   if (aio_read(read) != 0) return 1;
                   ::usleep(longer_than_kept_us);
                   faults.threads_refused_from = 0;
                   channel.send("text");
                   ::usleep(200'000);
                   if (aio_cancel(channel.reader(), read) != AIO_CANCELED) return 2;
                   return aio_error(read) == ECANCELED ? 0 : 3;
                 },
                 patience_s) == 0);
}

// They wait while the kernel is busy: one for a place, and if they are to keep an order, the
// others for their turn. Then it takes nothing any more, and a thread has to do it, when those
// there were had nothing to do for long, and none can be made.
BOOST_DATA_TEST_CASE(what_was_accepted_has_a_thread_when_its_turn_comes,
                     data::make({O_RDWR, O_RDWR | O_APPEND}) * data::make({0, 2, INT_MAX}), flags,
                     threads) {
  BOOST_TEST(run_in_child(
                 [&] {
                   install_faults();
                   keep_threads_for(1);
                   const support::TemporaryFile file(0);
                   const support::Fd fd = file.open(flags);
                   faults.submit_busy = INT_MAX;
                   faults.threads_refused_from = threads;
                   std::vector<Request> accepted;
                   for (int i = 0; i < list_length; ++i) {
                     Request write = Request::to_write(fd.get(), support::pattern(4096, i), 0);
                     if (aio_write(write) == 0) {
                       accepted.push_back(std::move(write));
                     } else if (errno != EAGAIN) {
                       return 1;
                     }
                   }
                   if (threads == INT_MAX && accepted.size() != list_length) return 2;
                   faults.threads_refused_from = 0;
                   ::usleep(longer_than_kept_us);
                   faults.submit_error = EPERM;
                   faults.submit_refused_from = 0;
                   faults.submit_busy = 0;
                   for (const Request& write : accepted)
                     if (support::wait_done(write) != 0 || aio_return(write) != 4096) return 3;
                   return 0;
                 },
                 patience_s) == 0);
}

BOOST_AUTO_TEST_CASE(what_was_accepted_outlasts_a_passing_shortage_of_threads) {
  BOOST_TEST(run_in_child([] { return read_of_terminal_outlasts(300, 0, 4); }, patience_s) == 0);
}

BOOST_AUTO_TEST_CASE(what_was_accepted_says_so_if_the_shortage_of_threads_lasts) {
  BOOST_TEST(
      run_in_child([] { return read_of_terminal_outlasts(2'500, EAGAIN, -1); }, patience_s) == 0);
}

BOOST_AUTO_TEST_CASE(once_threads_can_be_made_again_all_goes_well_again) {
  BOOST_TEST(run_in_child(
                 [] {
                   install_faults();
                   faults.threads_refused_from = 0;
                   mixed_rounds(1, true);
                   faults.threads_refused_from = INT_MAX;
                   return mixed_rounds(2);
                 },
                 60 + patience_s) == 0);
}

// Streams that wait by epoll, whose instance the program closes: what makes another finds no
// thread for it.
BOOST_AUTO_TEST_CASE(what_waits_goes_on_though_epoll_is_closed_and_no_thread_can_be_made) {
  BOOST_TEST(run_in_child(
                 [] {
                   install_faults();
                   keep_threads_for(60);  // for the one that reads in the end
                   const support::Channel waited(ChannelKind::pty_slave);
                   const support::Channel refused(ChannelKind::pty_slave);
                   const Request read = Request::to_read(waited.reader(), 4);
                   if (aio_read(read) != 0) return 1;
                   ::usleep(100'000);
                   if (!close_epoll_instances()) return 2;
                   faults.threads_refused_from = 0;
                   const Request other = Request::to_read(refused.reader(), 4);
                   if (aio_read(other) == 0 && support::wait_done(other) != EAGAIN) return 3;
                   ::usleep(700'000);  // until its thread has seen that it is gone
                   waited.send("text");
                   return support::wait_done(read) == 0 && aio_return(read) == 4 ? 0 : 4;
                 },
                 patience_s) == 0);
}

// The only callback thread ends itself when no other can be made; the callback
// that was promised to another request comes when one can.
BOOST_AUTO_TEST_CASE(a_promised_callback_comes_though_its_thread_went_and_none_could_be_made) {
  BOOST_TEST(run_in_child(
                 [] {
                   install_faults();
                   faults.threads_refused_from = 2;  // the reaper, one for callbacks
                   static std::atomic<int> called{0};
                   const auto ends = support::make_pipe();
                   std::vector<Request> reads;
                   for (int i = 0; i < 2; ++i) {
                     reads.push_back(Request::to_read(ends.first.get(), 1));
                     reads[i]->aio_sigevent.sigev_notify = SIGEV_THREAD;
                     reads[i]->aio_sigevent.sigev_notify_function = [](sigval) {
                       if (++called == 1) ::pthread_exit(nullptr);
                     };
                     if (aio_read(reads[i]) != 0) return 1;
                   }
                   if (::write(ends.second.get(), "x", 1) != 1) return 2;
                   if (!support::eventually([] { return called == 1; })) return 3;
                   ::usleep(100'000);
                   if (::write(ends.second.get(), "x", 1) != 1) return 4;
                   ::usleep(100'000);
                   faults.threads_refused_from = INT_MAX;
                   return support::eventually([] { return called == 2; }, std::chrono::seconds(5))
                              ? 0
                              : 5;
                 },
                 patience_s) == 0);
}

// A callback left its thread in a state that an ordinary user cannot undo.
BOOST_AUTO_TEST_CASE(a_spoilt_callback_thread_is_replaced_once_threads_can_be_made,
                     *support::as_root()) {
  BOOST_TEST(run_in_child(
                 [] {
                   if (::setgid(54321) != 0 || ::setuid(54321) != 0) return 1;
                   install_faults();
                   faults.threads_refused_from = 2;  // the reaper, one for callbacks
                   static std::atomic<int> called{0};
                   static std::atomic<int> policy{-1};
                   const auto ends = support::make_pipe();
                   const auto call_back = [&](void (*function)(sigval)) {
                     const Request read = Request::to_read(ends.first.get(), 1);
                     read->aio_sigevent.sigev_notify = SIGEV_THREAD;
                     read->aio_sigevent.sigev_notify_function = function;
                     const int before = called;
                     return ::write(ends.second.get(), "x", 1) == 1 && aio_read(read) == 0 &&
                            support::eventually([&] {
                              return called == before + 1 && !support::in_progress(read);
                            });
                   };
                   const auto change_policy = [](sigval) {
                     const sched_param none{};
                     ::sched_setscheduler(0, SCHED_IDLE, &none);
                     ++called;
                   };
                   const auto tell_policy = [](sigval) {
                     policy = ::sched_getscheduler(0);
                     ++called;
                   };
                   if (!call_back(change_policy) || !call_back(tell_policy)) return 2;
                   if (policy != SCHED_IDLE)
                     return 3;         // it is told in that state, better than not at all
                   ::usleep(100'000);  // some tries to replace it, which fail
                   const int made_before = faults.threads_made;
                   faults.threads_refused_from = INT_MAX;
                   if (!support::eventually([&] { return faults.threads_made > made_before; }))
                     return 4;
                   return call_back(tell_policy) && policy == SCHED_OTHER ? 0 : 5;
                 },
                 patience_s) == 0);
}

BOOST_AUTO_TEST_CASE(where_no_process_or_thread_may_be_made_nothing_hangs) {
  BOOST_TEST(run_in_child(
                 [] {
                   fault::MixedIo io;
                   const bool as_root = ::geteuid() == 0;
                   if (as_root &&
                       (::setgroups(0, nullptr) != 0 || ::setresgid(54321, 54321, 54321) != 0 ||
                        ::setresuid(54321, 54321, 0) != 0))
                     return 1;
                   {
                     const support::Limit none(RLIMIT_NPROC, 0);
                     io.begin(true);
                     io.end();
                   }
                   if (as_root && ::seteuid(0) != 0) return 3;  // to remove root's files
                   return io.failures() == 0 ? 0 : 2;
                 },
                 60 + patience_s) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
