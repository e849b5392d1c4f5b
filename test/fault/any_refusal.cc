// SPDX-License-Identifier: MIT
// Every system call that kaio makes, refused by a filter as containers and services have
// them: a slower way is taken, or the request ends with an error that says so. Nothing
// hangs, and nothing that was accepted is lost.
//
// Not among them: what no thread and no program can do without (futex, mmap, read, write,
// close, clone: the last is in resources.cc).
#include "filter.h"
#include "patience.h"
#include "support/callbacks.h"
#include "support/channel.h"
#include "support/child.h"
#include "support/pattern.h"
#include "support/precondition.h"
#include "support/request.h"
#include "support/signals.h"
#include "support/temporary_file.h"

#include <kaio/aio.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <iterator>
#include <ostream>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <vector>

using fault::patience_s;
using fault::refuse;
using support::Request;
using support::run_in_child;
namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(any_refusal)

namespace {

struct Call {
  const char* name;
  long number;
  bool a_thread_waits_by_it = false;
};
std::ostream& operator<<(std::ostream& out, const Call& call) { return out << call.name; }

constexpr Call every_call[] = {
    {"io_setup", SYS_io_setup},
    {"io_submit", SYS_io_submit},
    {"io_getevents", SYS_io_getevents, true},
    {"io_cancel", SYS_io_cancel},
    {"eventfd2", SYS_eventfd2},
    {"epoll_create1", SYS_epoll_create1, true},
    {"epoll_ctl", SYS_epoll_ctl},
#ifdef SYS_epoll_wait
    {"epoll_wait", SYS_epoll_wait, true},
#endif
    {"epoll_pwait", SYS_epoll_pwait, true},
#ifdef SYS_poll
    {"poll", SYS_poll, true},
#endif
    {"ppoll", SYS_ppoll, true},
    {"pread64", SYS_pread64},
    {"pwrite64", SYS_pwrite64},
    {"preadv", SYS_preadv},
    {"pwritev", SYS_pwritev},
    {"preadv2", SYS_preadv2},
    {"pwritev2", SYS_pwritev2},
    {"readv", SYS_readv},
    {"writev", SYS_writev},
    {"fsync", SYS_fsync},
    {"fdatasync", SYS_fdatasync},
    {"statx", SYS_statx},
    {"fstat", SYS_fstat},
#ifdef SYS_newfstatat
    {"newfstatat", SYS_newfstatat},
#endif
    {"fstatfs", SYS_fstatfs},
    {"cachestat", 451},
    {"lseek", SYS_lseek},
    {"fcntl", SYS_fcntl},
    {"openat", SYS_openat},
    {"madvise", SYS_madvise},
    {"prctl", SYS_prctl},
    {"prlimit64", SYS_prlimit64},
#ifdef SYS_getrlimit
    {"getrlimit", SYS_getrlimit},
#endif
    {"sched_getscheduler", SYS_sched_getscheduler},
    {"sched_setscheduler", SYS_sched_setscheduler},
    {"rt_sigqueueinfo", SYS_rt_sigqueueinfo},
    {"rt_sigtimedwait", SYS_rt_sigtimedwait},
    {"clock_nanosleep", SYS_clock_nanosleep, true},
    {"futex_waitv", 449, true},
    {"clone3", 435},
    {"getuid", SYS_getuid},
    {"ioctl", SYS_ioctl},
    {"getsockopt", SYS_getsockopt},
    {"setsockopt", SYS_setsockopt},
    {"sendmsg", SYS_sendmsg},
    {"recvmsg", SYS_recvmsg},
    {"sendto", SYS_sendto},
    {"recvfrom", SYS_recvfrom},
    {"rt_tgsigqueueinfo", SYS_rt_tgsigqueueinfo},
    {"fadvise64", SYS_fadvise64},
    {"sched_yield", SYS_sched_yield},
    {"sched_getattr", SYS_sched_getattr},
    {"sched_getaffinity", SYS_sched_getaffinity},
    {"get_mempolicy", SYS_get_mempolicy},
    {"readlinkat", SYS_readlinkat},
    {"io_pgetevents", SYS_io_pgetevents},
};

std::vector<Call> waiting_calls() {
  std::vector<Call> calls;
  std::ranges::copy_if(every_call, std::back_inserter(calls), &Call::a_thread_waits_by_it);
  return calls;
}

// What was asked of one request, and what is wrong with its end, if anything.
struct Item {
  Request request;
  const char* what;
  ssize_t expected;
  off_t content_offset;  // of a file's read, in the pattern
};

class Work {
 public:
  explicit Work(Call call) : call_(call) {
    try {
      direct_ = direct_file_.open(O_RDWR | O_DIRECT);
    } catch (const std::exception&) {
      direct_ = direct_file_.open(O_RDWR);
    }
  }

  void begin() {
    for (int i = 0; i < 2; ++i) {
      add("buffered read", Request::to_read(buffered_.get(), 16384, i * 16384), aio_read, 16384);
      add("direct read", Request::to_read(direct_.get(), 16384, i * 16384), aio_read, 16384);
      add("buffered write", to_write(buffered_.get(), 65536 + i * 16384), aio_write, 16384);
      add("direct write", to_write(direct_.get(), 65536 + i * 16384), aio_write, 16384);
    }
    add(
        "sync", Request::to_sync(buffered_.get()),
        [](aiocb* block) { return aio_fsync(O_SYNC, block); }, 0);
    add("read of a pipe", Request::to_read(pipe_.first.get(), 1), aio_read, 1);
    add("second read of a pipe", Request::to_read(pipe_.first.get(), 1), aio_read, 1);
    add("read of a socket", Request::to_read(sockets_.first.get(), 5), aio_read, 5);
    add("write to a socket", Request::to_write(sockets_.first.get(), "hello"), aio_write, 5);
    notified();
  }

  void feed() {
    if (::write(pipe_.second.get(), "xy", 2) != 2) fail("the pipe is full");
    if (::write(sockets_.second.get(), "hello", 5) != 5) fail("the socket is full");
  }

  // Every other one by a wait without a limit: the child's own ends what hangs.
  void end() {
    for (std::size_t i = 0; i < items_.size(); ++i) {
      const aiocb* const list[] = {items_[i].request};
      if (i % 2 == 0) {
        while (support::in_progress(list[0]))
          if (aio_suspend(list, 1, nullptr) != 0 && errno != EINTR) fail("aio_suspend");
      } else if (!support::eventually([&] { return !support::in_progress(list[0]); })) {
        std::fprintf(stderr, "%s: the %s hangs\n", call_.name, items_[i].what);
        ::_exit(99);
      }
      check(items_[i]);
    }
    // Whatever became of the request, it is told of.
    if (!callbacks_.wait_for(callbacks_wanted_)) fail("a callback is lost");
    for (int i = 0; i < signals_wanted_; ++i)
      if (!signal_.next()) fail("a signal is lost");
    if (!support::eventually([&] { return eventfd_is_right(); }))
      fail("an eventfd's count is lost");
    items_.clear();
    signals_wanted_ = 0;
  }

  int failures() const { return failure_count_; }

 private:
  static Request to_write(int fd, off_t offset) {
    return Request::to_write(fd, support::pattern(16384, static_cast<std::uint64_t>(offset)),
                             offset);
  }

  void notified() {
    const auto read = [&](const char* what, auto attach) {
      Request request = Request::to_read(direct_.get(), 16384, 0);
      attach(request->aio_sigevent);
      return add(what, std::move(request), aio_read, 16384);
    };
    callbacks_wanted_ +=
        read("read with a callback", [&](sigevent& event) { callbacks_.attach(event); });
    // Nothing else queues a signal with a value; nothing else waits for one here.
    if (call_.number != SYS_rt_sigqueueinfo && call_.number != SYS_rt_sigtimedwait)
      signals_wanted_ +=
          read("read with a signal", [&](sigevent& event) { signal_.attach(event); });
    counts_wanted_ += read("read with an eventfd", [&](sigevent& event) {
      event.sigev_notify = SIGEV_EVENTFD;
      event.sigev_notify_eventfd = event_.get();
    });
  }

  bool eventfd_is_right() {
    std::uint64_t count = 0;
    if (::read(event_.get(), &count, sizeof count) == sizeof count) counts_seen_ += count;
    return counts_seen_ == counts_wanted_;
  }

  bool add(const char* what, Request request, int (*call)(aiocb*), ssize_t expected) {
    aiocb* block = request;
    errno = 0;
    if (call(block) == 0) {
      const bool is_file_read = call == aio_read && expected == 16384;
      items_.push_back({std::move(request), what, expected, is_file_read ? block->aio_offset : -1});
      return true;
    }
    if (!is_clear(errno)) fail(what, errno);
    return false;
  }

  static bool is_clear(int error_number) {
    return error_number == EPERM || error_number == ENOSYS || error_number == EACCES ||
           error_number == EAGAIN || error_number == EBADF;
  }

  void check(const Item& item) {
    const int status = aio_error(item.request);
    const ssize_t result = aio_return(item.request);
    if (status == 0 ? result != item.expected : !is_clear(status)) fail(item.what, status);
    const bool wrong = status == 0 && item.content_offset >= 0 &&
                       !support::is_pattern(item.request.text(16384),
                                            static_cast<std::uint64_t>(item.content_offset));
    if (wrong) fail(item.what);
  }

  void fail(const char* what, int error_number = 0) {
    ++failure_count_;
    std::fprintf(stderr, "%s refused: %s (%d)\n", call_.name, what, error_number);
  }

  Call call_;
  support::TemporaryFile file_{1 << 17};
  support::TemporaryFile direct_file_{1 << 17};
  support::Fd buffered_ = file_.open(O_RDWR);
  support::Fd direct_;
  support::FdPair pipe_ = support::make_pipe();
  support::FdPair sockets_ = support::make_sockets(SOCK_STREAM);
  support::Fd event_ = support::make_eventfd(0, EFD_NONBLOCK);
  support::BlockedSignal signal_{support::queue_signal()};
  support::Callbacks callbacks_;
  std::vector<Item> items_;
  int callbacks_wanted_ = 0;
  int signals_wanted_ = 0;
  std::uint64_t counts_wanted_ = 0;
  std::uint64_t counts_seen_ = 0;
  int failure_count_ = 0;
};

}  // namespace

BOOST_DATA_TEST_CASE(of_a_single_call_costs_time_or_a_clear_error_and_never_hangs,
                     data::make(every_call) * data::make({EPERM, ENOSYS, EACCES}) *
                         data::make({true, false}),
                     call, error_number, reads_ring) {
  const support::TemporaryDirectory left_behind;
  BOOST_TEST(run_in_child(
                 [&] {
                   // Not destroyed: what it would close and remove may need the call.
                   if (::setenv("KAIO_TEST_DIR", left_behind.path().c_str(), 1) != 0) return 102;
                   if (fault::sanitizers_need(call.number)) return 0;
                   auto& work = *new Work(call);
                   if (kaio_set_option("ring", reads_ring ? "1" : "0") != 0) return 101;
                   if (!refuse(call.number, error_number)) return 100;
                   for (int round = 0; round < 2; ++round) {
                     work.begin();
                     work.feed();
                     work.end();
                   }
                   return work.failures();
                 },
                 patience_s) == 0);
}

// A thread of the program's waits for streams, and so do those of kaio's.
int waits_at_little_cost(Call call, int error_number, bool reads_ring) {
  if (kaio_set_option("ring", reads_ring ? "1" : "0") != 0) return 101;
  const support::Channel terminal(support::ChannelKind::pty_slave);
  const support::Channel pipe(support::ChannelKind::pipe);
  const support::Fd event = support::make_eventfd(0, EFD_NONBLOCK);
  if (!refuse(call.number, error_number)) return 100;
  std::vector<Request> reads;
  for (const support::Channel* channel : {&terminal, &pipe}) {
    Request& read = reads.emplace_back(Request::to_read(channel->reader(), 4));
    read->aio_sigevent.sigev_notify = SIGEV_EVENTFD;
    read->aio_sigevent.sigev_notify_eventfd = event.get();
    if (aio_read(read) != 0) return errno == error_number || errno == EAGAIN ? 0 : 1;
  }
  const aiocb* const list[] = {reads[0]};
  const std::clock_t before = std::clock();
  const timespec limit{.tv_sec = 0, .tv_nsec = 400'000'000};
  if (aio_suspend(list, 1, &limit) == 0) return aio_error(list[0]) == error_number ? 0 : 3;
  const double used_s = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  if (used_s < 0.1) return 0;
  std::fprintf(stderr, "%s: %f s of the processor in 0.4 s\n", call.name, used_s);
  return 2;
}

BOOST_DATA_TEST_CASE(of_a_call_that_waits_takes_no_processor,
                     data::make(waiting_calls()) * data::make({EPERM, ENOSYS, EACCES}) *
                         data::make({true, false}),
                     call, error_number, reads_ring) {
  BOOST_TEST(run_in_child([&] { return waits_at_little_cost(call, error_number, reads_ring); },
                          patience_s) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
