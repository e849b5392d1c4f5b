// SPDX-License-Identifier: MIT
// The few descriptors of kaio's own among those of a program that closes any number, as
// daemons do, and uses all there are.
#include "cases.h"

#include "support/child.h"
#include "support/limit.h"
#include "support/signals.h"

#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

BOOST_AUTO_TEST_SUITE(own_descriptors, *without_sanitizer())

namespace {

std::atomic<int> told_count{0};

void close_everything() { ::syscall(SYS_close_range, 3, ~0u, 0); }

// One request of each kind that needs descriptors of kaio's.
int use_all(int fd, int round) {
  told_count = 0;
  const Request called = Request::to_read(fd, 4);
  called->aio_sigevent.sigev_notify = SIGEV_THREAD;
  called->aio_sigevent.sigev_notify_function = [](sigval) { ++told_count; };
  const Request signalled = Request::to_read(fd, 4);
  ::signal(SIGRTMIN, [](int) { ++told_count; });
  signalled->aio_sigevent.sigev_notify = SIGEV_SIGNAL;
  signalled->aio_sigevent.sigev_signo = SIGRTMIN;
  const FdPair pipe = make_pipe();
  const Request waiting = Request::to_read(pipe.first.get(), 4);
  if (aio_read(waiting) != 0 || aio_read(called) != 0 || aio_read(signalled) != 0)
    return 10 * round + 1;
  if (::write(pipe.second.get(), "text", 4) != 4) return 10 * round + 2;
  // By one that leads, besides.
  const aiocb* const list[] = {waiting};
  const timespec limit{.tv_sec = 10, .tv_nsec = 0};
  while (aio_suspend(list, 1, &limit) != 0)
    if (errno != EINTR) return 10 * round + 3;
  if (wait_done(called) != 0 || wait_done(signalled) != 0) return 10 * round + 4;
  return eventually([] { return told_count == 2; }) ? 0 : 10 * round + 5;
}

enum class Others { files, eventfds };
std::ostream& operator<<(std::ostream& out, Others others) {
  return out << (others == Others::files ? "files" : "eventfds");
}

}  // namespace

// Callbacks, signals and streams go on, and what the program has opened in place of kaio's
// descriptors stays as it is.
BOOST_DATA_TEST_CASE(a_program_that_closes_all_descriptors_can_go_on,
                     data::make({Others::files, Others::eventfds}), kind) {
  BOOST_TEST(run_in_child(
                 [&] {
                   const TemporaryFile file{4096};
                   {
                     const Fd fd = file.open(O_RDONLY);
                     if (const int failed = use_all(fd.get(), 0)) return failed;
                   }
                   for (int round = 1; round <= 3; ++round) {
                     close_everything();
                     std::vector<int> others;
                     for (int index = 0; index < 900; ++index)
                       others.push_back(kind == Others::files
                                            ? ::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)
                                            : ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
                     if (others.back() < 0) return 90;
                     const int fd = ::open(file.path().c_str(), O_RDONLY | O_CLOEXEC);
                     for (int again = 0; again < 10; ++again)
                       if (const int failed = use_all(fd, round)) return failed;
                     for (const int other : others) {
                       char byte = 0;
                       if (::read(other, &byte, 1) > 0) return 91;
                       std::uint64_t count = 0;
                       if (kind == Others::eventfds && ::read(other, &count, sizeof count) > 0)
                         return 92;
                       if (::close(other) != 0) return 93;
                     }
                   }
                   return 0;
                 },
                 60) == 0);
}

// Requests that were outstanding when it happened are told of, too.
BOOST_DATA_TEST_CASE(what_was_outstanding_when_the_program_closed_its_number_is_told,
                     data::make({SIGEV_THREAD, SIGEV_SIGNAL}), notify) {
  BOOST_TEST(run_in_child([&] {
               const FdPair pipe = make_pipe();
               const Request read = Request::to_read(pipe.first.get(), 4);
               told_count = 0;
               ::signal(SIGRTMIN, [](int) { ++told_count; });
               read->aio_sigevent.sigev_notify = notify;
               read->aio_sigevent.sigev_signo = SIGRTMIN;
               if (notify == SIGEV_THREAD)
                 read->aio_sigevent.sigev_notify_function = [](sigval) { ++told_count; };
               if (aio_read(read) != 0) return 1;
               const int keep = std::max(pipe.first.get(), pipe.second.get());
               ::syscall(SYS_close_range, keep + 1, ~0u, 0);
               ::usleep(50'000);
               if (::write(pipe.second.get(), "text", 4) != 4) return 2;
               return eventually([] { return told_count == 1; }) && aio_return(read) == 4 ? 0 : 3;
             }) == 0);
}

// At any moment: also between the last look at the number and its use.
BOOST_DATA_TEST_CASE(a_number_that_is_closed_just_before_a_request_is_replaced,
                     data::make({SIGEV_THREAD, SIGEV_SIGNAL}), notify) {
  BOOST_TEST(run_in_child(
                 [&] {
                   const TemporaryFile file{4096};
                   const Fd fd = file.open(O_RDONLY | O_DIRECT);
                   const int program_max = std::max(fd.get(), STDERR_FILENO);
                   told_count = 0;
                   ::signal(SIGRTMIN, [](int) { ++told_count; });
                   const auto request = [&] {
                     Request read = Request::to_read(fd.get(), 4096);
                     read->aio_sigevent.sigev_notify = notify;
                     read->aio_sigevent.sigev_signo = SIGRTMIN;
                     if (notify == SIGEV_THREAD)
                       read->aio_sigevent.sigev_notify_function = [](sigval) { ++told_count; };
                     return read;
                   };
                   for (int round = 1; round <= 50; ++round) {
                     const Request first = request();
                     const Request second = request();
                     if (aio_read(first) != 0) return 1;
                     ::syscall(SYS_close_range, program_max + 1, ~0u, 0);
                     if (aio_read(second) != 0) return 2;
                     if (wait_done(first) != 0 || wait_done(second) != 0) return 3;
                     if (aio_return(first) != 4096 || aio_return(second) != 4096) return 4;
                     if (!eventually([&] { return told_count == 2 * round; })) return 5;
                   }
                   return 0;
                 },
                 60) == 0);
}

// Longer than until it is looked whether what waits is still open.
BOOST_DATA_TEST_CASE(what_waits_goes_on_when_the_program_has_closed_the_number_that_it_waits_by,
                     data::make(channel_kinds()), kind) {
  BOOST_TEST(run_in_child([&] {
               Channel channel{kind};
               const Request read = Request::to_read(channel.reader(), 4);
               if (aio_read(read) != 0) return 1;
               ::usleep(50'000);
               const int keep = std::max(channel.reader(), channel.writer());
               ::syscall(SYS_close_range, keep + 1, ~0u, 0);
               ::usleep(1'200'000);
               if (!in_progress(read)) return 2;
               channel.send("text");
               return wait_done(read) == 0 && aio_return(read) == 4 ? 0 : 3;
             }) == 0);
}

// The first request of the process meets a process that has no descriptor left.
BOOST_AUTO_TEST_CASE(when_descriptors_are_free_again_all_goes_as_if_they_had_always_been) {
  BOOST_TEST(run_in_child([] {
               const TemporaryFile file{4096};
               const Fd fd = file.open(O_RDONLY);
               std::vector<int> taken;
               const Limit limit{RLIMIT_NOFILE, 64};
               for (int copy = 0; (copy = ::dup(fd.get())) >= 0;) taken.push_back(copy);
               const Request read = Request::to_read(fd.get(), 4);
               if (aio_read(read) == 0) wait_done(read);
               read->aio_sigevent.sigev_notify = SIGEV_SIGNAL;
               read->aio_sigevent.sigev_signo = SIGRTMIN;
               ::signal(SIGRTMIN, SIG_IGN);
               if (aio_read(read) == 0)
                 wait_done(read);
               else if (errno != EAGAIN)
                 return 1;
               for (const int copy : taken) ::close(copy);
               for (int round = 1; round <= 3; ++round)
                 if (const int failed = use_all(fd.get(), round)) return failed;
               ::usleep(200'000);
               kaio_statistics statistics{};
               const Fd direct = file.open(O_RDONLY | O_DIRECT);
               const Request last = Request::to_read(direct.get(), 4096);
               if (aio_read(last) != 0 || wait_done(last) != 0) return 2;
               kaio_get_statistics(&statistics, sizeof statistics);
               return route() == Route::pool || statistics.by_kernel > 0 ? 0 : 3;
             }) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
