// SPDX-License-Identifier: MIT
// Handlers and cancellation on top of a wait: what tells it that it was interrupted, and
// what may happen in the meantime.
#include "cases.h"
#include "support/child.h"
#include "support/process.h"

#include <atomic>
#include <csetjmp>
#include <csignal>
#include <pthread.h>
#include <sys/wait.h>
#include <thread>

BOOST_AUTO_TEST_SUITE(waits_and_signals)

namespace {

std::atomic<int> handled_count;
void count(int) { ++handled_count; }

int suspend(const aiocb* block, const timespec* timeout = nullptr) {
  const aiocb* const list[] = {block};
  return aio_suspend(list, 1, timeout);
}

// Sends from a thread that takes no signal, when the one that makes it waits.
std::thread sender_to(const Channel& channel) {
  return std::thread{[&channel, waiting = ::gettid()] {
    sigset_t every_signal;
    sigfillset(&every_signal);
    pthread_sigmask(SIG_SETMASK, &every_signal, nullptr);
    const auto waits = [&] {
      std::this_thread::sleep_for(10ms * slowness());
      return is_asleep(waiting);
    };
    eventually([&] { return waits() && waits(); });
    channel.send("x");
  }};
}

// The process stops, and is continued by somebody else.
class StopAndContinue {
 public:
  StopAndContinue() : child_{::fork()} {
    if (child_ != 0) return;
    ::usleep(50'000);
    ::kill(::getppid(), SIGSTOP);
    ::usleep(20'000);
    ::kill(::getppid(), SIGCONT);
    ::_exit(0);
  }
  ~StopAndContinue() { ::waitpid(child_, nullptr, 0); }
  StopAndContinue(const StopAndContinue&) = delete;
  StopAndContinue& operator=(const StopAndContinue&) = delete;

 private:
  pid_t child_;
};

struct ToWaitFor {
  const aiocb* block;
  std::atomic<bool> may_wait = false;
};

void* wait_when_cancelled(void* argument) {
  auto* wanted = static_cast<ToWaitFor*>(argument);
  while (!wanted->may_wait) {
  }
  suspend(wanted->block);
  return nullptr;
}

const aiocb* asked_block;
void ask(int) {
  const int kept_errno = errno;
  for (int look = 0; look < 5; ++look) aio_error(asked_block);
  errno = kept_errno;
}

void* wait_for_ever(void* block) {
  for (;;) suspend(static_cast<const aiocb*>(block));
}

const std::vector<ChannelKind> two_ways_to_wait{ChannelKind::pipe, ChannelKind::pty_slave};
const std::vector<ChannelKind> signalling_kinds{ChannelKind::pipe, ChannelKind::stream_socket,
                                                ChannelKind::pty_slave};

}  // namespace

// The waiting thread may be the one that sends it, or be awake just then.
BOOST_DATA_TEST_CASE(a_signal_for_another_request_makes_aio_suspend_say_EINTR,
                     data::make(signalling_kinds) * data::make({false, true}), kind, timed) {
  const SignalHandler handler{SIGUSR1, count};
  const timespec long_time{10, 0};
  // With a timeout it may sleep on one word only, and the signal may come in the last moment
  // before: as with any signal, but seldom.
  const int missed_max = timed ? 3 : 0;
  int missed_count = 0;
  for (int round = 0; round < 10 && missed_count <= missed_max; ++round) {
    const Channel never{ChannelKind::pipe};
    const Channel channel{kind};
    const Request waited_for = Request::to_read(never.reader(), 1);
    Request notified = Request::to_read(channel.reader(), 1);
    notified->aio_sigevent.sigev_notify = SIGEV_SIGNAL;
    notified->aio_sigevent.sigev_signo = SIGUSR1;
    BOOST_REQUIRE(aio_read(waited_for) == 0);
    BOOST_REQUIRE(aio_read(notified) == 0);
    handled_count = 0;
    std::atomic<bool> has_returned = false;
    std::thread sender = sender_to(channel);
    // Ends the wait if nothing else does.
    std::thread rescuer{[&] {
      sigset_t every_signal;
      sigfillset(&every_signal);
      pthread_sigmask(SIG_SETMASK, &every_signal, nullptr);
      eventually([&] { return handled_count > 0; });
      eventually([&] { return has_returned.load(); }, 3s);
      never.send("x");
    }};
    const int number = errno_of([&] { return suspend(waited_for, timed ? &long_time : nullptr); });
    has_returned = true;
    missed_count += number != EINTR;
    BOOST_TEST(handled_count == 1);
    sender.join();
    rescuer.join();
    BOOST_TEST(wait_done(notified) == 0);
    BOOST_TEST(wait_done(waited_for) == 0);
  }
  BOOST_TEST(missed_count <= missed_max);
}

BOOST_AUTO_TEST_CASE(every_one_of_many_signals_that_the_waiting_thread_sends_is_handled) {
  const SignalHandler handler{SIGUSR1, count};
  const Channel pipe{ChannelKind::pipe};
  handled_count = 0;
  std::vector<Request> reads;
  for (int index = 0; index < 50; ++index) {
    reads.push_back(Request::to_read(pipe.reader(), 1));
    reads.back()->aio_sigevent.sigev_notify = SIGEV_SIGNAL;
    reads.back()->aio_sigevent.sigev_signo = SIGUSR1;
    BOOST_REQUIRE(aio_read(reads.back()) == 0);
  }
  std::thread sender{[&] {
    sigset_t every_signal;
    sigfillset(&every_signal);
    pthread_sigmask(SIG_SETMASK, &every_signal, nullptr);
    for (int index = 0; index < 50; ++index) {
      const int before = handled_count;
      pipe.send("x");
      eventually([&] { return handled_count > before; });
    }
  }};
  for (const Request& read : reads)
    while (aio_error(read) == EINPROGRESS) suspend(read);
  sender.join();
  BOOST_TEST(handled_count == 50);
  sigset_t blocked;
  pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  BOOST_TEST(sigismember(&blocked, SIGUSR1) == 0);
}

BOOST_DATA_TEST_CASE(a_stopped_and_continued_process_goes_on_waiting, data::make(two_ways_to_wait),
                     kind) {
  const Channel channel{kind};
  const Request read = Request::to_read(channel.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  const timespec time{0, 200'000'000};
  {
    const StopAndContinue stop;
    BOOST_TEST(errno_of([&] { return suspend(read, &time); }) == EAGAIN);
  }
  const StopAndContinue stop;
  std::thread sender{[&] {
    std::this_thread::sleep_for(150ms);
    channel.send("text");
  }};
  BOOST_TEST(errno_of([&] { return suspend(read); }) == 0);
  BOOST_TEST(aio_return(read) == 4);
  sender.join();
}

BOOST_AUTO_TEST_CASE(a_stopped_and_continued_process_goes_on_waiting_for_a_list) {
  const Channel channel{ChannelKind::pipe};
  Request read = Request::to_read(channel.reader(), 10);
  read->aio_lio_opcode = LIO_READ;
  aiocb* list[] = {read};
  const StopAndContinue stop;
  std::thread sender{[&] {
    std::this_thread::sleep_for(150ms);
    channel.send("text");
  }};
  BOOST_TEST(errno_of([&] { return lio_listio(LIO_WAIT, list, 1, nullptr); }) == 0);
  sender.join();
}

BOOST_TEST_DECORATOR(*without_sanitizer())
BOOST_DATA_TEST_CASE(a_thread_that_was_cancelled_before_it_waits_ends_as_cancelled,
                     data::make(two_ways_to_wait), kind) {
  const Channel channel{kind};
  const Request read = Request::to_read(channel.reader(), 10);
  BOOST_REQUIRE(aio_read(read) == 0);
  for (int round = 0; round < 5; ++round) {
    ToWaitFor wanted{read};
    pthread_t thread;
    BOOST_REQUIRE(pthread_create(&thread, nullptr, wait_when_cancelled, &wanted) == 0);
    BOOST_REQUIRE(pthread_cancel(thread) == 0);
    wanted.may_wait = true;
    void* result = nullptr;
    BOOST_REQUIRE(pthread_join(thread, &result) == 0);
    BOOST_TEST(result == PTHREAD_CANCELED);
  }
  channel.send("text");
  BOOST_TEST(wait_done(read) == 0);
}

// Whoever unwinds a thread out of a handler must not meet a frame that forbids it.
BOOST_TEST_DECORATOR(*without_sanitizer())
BOOST_AUTO_TEST_CASE(a_thread_is_cancelled_in_a_handler_that_asks_on_top_of_its_wait) {
  BOOST_TEST(
      run_in_child(
          [] {
            const SignalHandler handler{SIGUSR1, ask, SA_RESTART};
            const Channel channel{ChannelKind::pipe};
            const Request read = Request::to_read(channel.reader(), 10);
            asked_block = read;
            if (aio_read(read) != 0) return 1;
            // Completions, so that the handler finds something to do.
            std::atomic<bool> ending = false;
            int outcome = 0;
            std::thread beside{[&ending] {
              const Channel busy{ChannelKind::pipe};
              while (!ending) {
                const Request other = Request::to_read(busy.reader(), 8);
                if (aio_read(other) != 0) return;
                busy.send("eight is");
                wait_done(other);
              }
            }};
            for (int round = 0; round < 300 && outcome == 0; ++round) {
              pthread_t threads[2];
              for (pthread_t& thread : threads)
                if (pthread_create(&thread, nullptr, wait_for_ever, static_cast<aiocb*>(read)) != 0)
                  ::_exit(2);
              ::usleep(round % 10 * 30);
              for (int signal = 0; signal < 10; ++signal)
                for (const pthread_t thread : threads) pthread_kill(thread, SIGUSR1);
              for (const pthread_t thread : threads) {
                pthread_kill(thread, SIGUSR1);
                pthread_cancel(thread);
              }
              for (const pthread_t thread : threads) {
                void* result = nullptr;
                if (pthread_join(thread, &result) != 0 || result != PTHREAD_CANCELED) outcome = 3;
              }
            }
            ending = true;
            beside.join();
            channel.send("text");
            return wait_done(read) == 0 && aio_return(read) == 4 ? outcome : 4;
          },
          30) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
