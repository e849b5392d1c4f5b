// SPDX-License-Identifier: MIT
// A handler that leaves a wait by siglongjmp(), as programs do that make a timeout of an
// alarm: what the thread leaves behind holds nobody up for longer than a moment.
#include "cases.h"
#include "support/child.h"

#include <array>
#include <atomic>
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <pthread.h>
#include <semaphore>
#include <thread>
#include <unistd.h>

// Without the ring nobody can see that there is something for a leader that does not take it.
BOOST_AUTO_TEST_SUITE(jumps_out_of_waits, *without_sanitizer() * with_the_ring())

namespace {

thread_local sigjmp_buf before_the_wait;

void jump(int) { siglongjmp(before_the_wait, 1); }

bool is_asleep(pid_t tid) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
  std::array<char, 256> text{};
  const Fd fd{::open(path, O_RDONLY | O_CLOEXEC)};
  if (::read(fd.get(), text.data(), text.size() - 1) <= 0) return false;
  const char* const name_end = std::strrchr(text.data(), ')');
  return name_end != nullptr && name_end[2] == 'S';
}

// A thread that waits for what never comes, and is made to jump out of that.
class Jumper {
 public:
  explicit Jumper(bool waits_for_any = false) : waits_for_any_{waits_for_any} {
    (void)aio_read(never_);
    thread_ = std::thread{[this] { run(); }};
  }
  ~Jumper() {
    may_end_.release();
    thread_.join();
    aio_cancel(idle_.reader(), nullptr);
  }
  Jumper(const Jumper&) = delete;
  Jumper& operator=(const Jumper&) = delete;
  // False: it did not fall asleep.
  bool jump_once() {
    may_wait_.release();
    const bool asleep = eventually([this] { return waits_ && is_asleep(tid_); });
    ::pthread_kill(thread_.native_handle(), SIGUSR1);
    has_jumped_.acquire();
    return asleep;
  }

 private:
  void run() {
    tid_ = ::gettid();
    while (!is_ending()) {
      if (sigsetjmp(before_the_wait, 1) == 0) {
        waits_ = true;
        const aiocb* const list[] = {never_};
        aiocb* any = nullptr;
        while (waits_for_any_ ? aio_waitcomplete(&any, nullptr) < 0 : aio_suspend(list, 1, nullptr))
          ;
      }
      waits_ = false;
      has_jumped_.release();
    }
  }
  bool is_ending() {
    while (!may_wait_.try_acquire_for(1ms))
      if (may_end_.try_acquire()) return true;
    return false;
  }

  const bool waits_for_any_;
  const Channel idle_{ChannelKind::pipe};
  const Request never_ = Request::to_read(idle_.reader(), 1);
  std::atomic<pid_t> tid_ = 0;
  std::atomic<bool> waits_ = false;
  std::counting_semaphore<> may_wait_{0};
  std::counting_semaphore<> has_jumped_{0};
  std::counting_semaphore<> may_end_{0};
  std::thread thread_;
};

// What is to be told of the end of a read, each in its way.
enum class Told { by_suspend, by_error, by_list, by_callback, by_eventfd };
std::ostream& operator<<(std::ostream& out, Told told) {
  constexpr const char* names[] = {"aio_suspend", "aio_error", "lio_listio", "a callback",
                                   "an eventfd"};
  return out << names[static_cast<int>(told)];
}
constexpr Told all_ways_to_be_told[] = {Told::by_suspend, Told::by_error, Told::by_list,
                                        Told::by_callback, Told::by_eventfd};

bool is_told(Told told) {
  const Channel channel{ChannelKind::pipe};
  Request read = Request::to_read(channel.reader(), 4);
  static std::atomic<bool> called;
  called = false;
  const Fd event = make_eventfd();
  if (told == Told::by_callback) {
    read->aio_sigevent.sigev_notify = SIGEV_THREAD;
    read->aio_sigevent.sigev_notify_function = [](sigval) { called = true; };
  } else if (told == Told::by_eventfd) {
    read->aio_sigevent.sigev_notify = SIGEV_EVENTFD;
    read->aio_sigevent.sigev_notify_eventfd = event.get();
  }
  std::thread sender{[&channel] {
    std::this_thread::sleep_for(20ms);
    channel.send("text");
  }};
  bool came = false;
  aiocb* const elements[] = {read};
  const timespec limit{.tv_sec = 5, .tv_nsec = 0};
  if (told == Told::by_list) {
    read->aio_lio_opcode = LIO_READ;
    came = lio_listio(LIO_WAIT, elements, 1, nullptr) == 0;
  } else if (aio_read(read) == 0) {
    std::uint64_t count = 0;
    switch (told) {
      case Told::by_suspend:
        came = aio_suspend(elements, 1, &limit) == 0;
        break;
      case Told::by_error:
        came = eventually([&] { return aio_error(read) == 0; });
        break;
      case Told::by_callback:
        came = eventually([] { return called.load(); });
        break;
      default:
        came = ::read(event.get(), &count, sizeof count) == sizeof count;
    }
  }
  sender.join();
  return came && aio_error(read) == 0 && aio_return(read) == 4;
}

int jump_and_tell(Told told, bool waits_for_any) {
  const SignalHandler handler{SIGUSR1, jump, 0};
  Jumper jumper{waits_for_any};
  for (int round = 0; round < 2; ++round)
    if (!jumper.jump_once()) return 2;
  for (int round = 0; round < 3; ++round)
    if (!is_told(told)) return 3 + round;
  return 0;
}

}  // namespace

BOOST_DATA_TEST_CASE(others_are_told_though_a_handler_jumped_out_of_aio_suspend,
                     data::make(all_ways_to_be_told), told) {
  BOOST_TEST(run_in_child([told = told] { return jump_and_tell(told, false); }, 20) == 0);
}

BOOST_DATA_TEST_CASE(others_are_told_though_a_handler_jumped_out_of_aio_waitcomplete,
                     data::make(all_ways_to_be_told), told) {
  BOOST_TEST(run_in_child([told = told] { return jump_and_tell(told, true); }, 20) == 0);
}

// One that waited already when the other one jumped.
BOOST_AUTO_TEST_CASE(one_that_follows_is_woken_though_the_leader_jumped_away) {
  BOOST_TEST(run_in_child(
                 [] {
                   const SignalHandler handler{SIGUSR1, jump, 0};
                   Jumper jumper;
                   const Channel channel{ChannelKind::pipe};
                   const Request read = Request::to_read(channel.reader(), 4);
                   if (aio_read(read) != 0) return 1;
                   std::atomic<pid_t> tid = 0;
                   std::thread follower{[&] {
                     tid = ::gettid();
                     sigset_t signals;
                     sigfillset(&signals);
                     pthread_sigmask(SIG_SETMASK, &signals, nullptr);
                     const aiocb* const list[] = {read};
                     while (aio_suspend(list, 1, nullptr) != 0)
                       ;
                   }};
                   if (!jumper.jump_once() ||
                       !eventually([&] { return tid != 0 && is_asleep(tid); }))
                     return 2;
                   // Now the follower leads, or the other way round.
                   if (!jumper.jump_once()) return 3;
                   channel.send("text");
                   follower.join();
                   return aio_return(read) == 4 ? 0 : 4;
                 },
                 20) == 0);
}

// The thread itself goes on: waits, asks, and can be cancelled only where it expects that.
BOOST_AUTO_TEST_CASE(the_thread_that_jumped_goes_on_as_before) {
  BOOST_TEST(run_in_child(
                 [] {
                   const SignalHandler handler{SIGUSR1, jump, 0};
                   const Channel channel{ChannelKind::pipe};
                   static int outcome;
                   outcome = 1;
                   static std::atomic<pid_t> tid;
                   static std::atomic<int> rounds;
                   std::thread thread{[&channel] {
                     tid = ::gettid();
                     for (; rounds < 50; ++rounds) {
                       const Request read = Request::to_read(channel.reader(), 4);
                       if (aio_read(read) != 0) return;
                       const aiocb* const list[] = {read};
                       if (sigsetjmp(before_the_wait, 1) == 0) aio_suspend(list, 1, nullptr);
                       const timespec no_time{};
                       if (aio_suspend(list, 1, &no_time) == 0) return;
                       int type = PTHREAD_CANCEL_ASYNCHRONOUS;
                       ::pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
                       if (type != PTHREAD_CANCEL_DEFERRED) return;
                       channel.send("text");
                       while (aio_suspend(list, 1, nullptr) != 0)
                         ;
                       if (aio_return(read) != 4) return;
                     }
                     outcome = 0;
                   }};
                   for (int round = 0; round < 50; ++round) {
                     if (!eventually([round] {
                           return rounds > round || (rounds == round && tid != 0 && is_asleep(tid));
                         }))
                       break;
                     ::pthread_kill(thread.native_handle(), SIGUSR1);
                     if (!eventually([round] { return rounds > round || outcome == 0; })) break;
                   }
                   thread.join();
                   return outcome;
                 },
                 30) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
