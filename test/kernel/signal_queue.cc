// SPDX-License-Identifier: MIT
//
// rt_sigqueueinfo() to ourselves: the way of SIGEV_SIGNAL.
#include "fixtures.h"

#include <cerrno>
#include <csignal>
#include <functional>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

BOOST_AUTO_TEST_SUITE(signal_queue)

namespace {

constexpr rlim_t queue_length = 4;

siginfo_t notification(int signal_number, int value) {
  siginfo_t info = {};
  info.si_signo = signal_number;
  info.si_code = SI_ASYNCIO;
  info.si_pid = ::getpid();
  info.si_uid = ::getuid();
  info.si_value.sival_int = value;
  return info;
}

int queue(int signal_number, int value = 0) {
  siginfo_t info = notification(signal_number, value);
  return ::syscall(SYS_rt_sigqueueinfo, ::getpid(), signal_number, &info) == 0 ? 0 : errno;
}

int queue_to_thread(int signal_number, int value = 0) {
  siginfo_t info = notification(signal_number, value);
  return ::syscall(SYS_rt_tgsigqueueinfo, ::getpid(), ::syscall(SYS_gettid), signal_number,
                   &info) == 0
             ? 0
             : errno;
}

sigset_t block(int signal_number) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal_number);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  return set;
}

// In a child: what it queues is charged to the user, and must not stay behind.
// `work` returns 0, or the number of the line that disappointed it.
void in_child(const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = -1;
  BOOST_REQUIRE_EQUAL(::waitpid(child, &status, 0), child);
  BOOST_REQUIRE(WIFEXITED(status));
  BOOST_TEST(WEXITSTATUS(status) == 0, "line " << WEXITSTATUS(status) << " of this file");
}

#define EXPECT(condition)              \
  do {                                 \
    if (!(condition)) return __LINE__; \
  } while (false)

}  // namespace

BOOST_AUTO_TEST_CASE(SI_ASYNCIO_with_value_pid_and_uid_arrives) {
  in_child([] {
    const sigset_t set = block(SIGRTMIN);
    EXPECT(queue(SIGRTMIN, 42) == 0);
    siginfo_t info = {};
    EXPECT(::sigwaitinfo(&set, &info) == SIGRTMIN);
    EXPECT(info.si_code == SI_ASYNCIO);
    EXPECT(info.si_value.sival_int == 42);
    EXPECT(info.si_pid == ::getpid() && info.si_uid == ::getuid());
    return 0;
  });
}

BOOST_AUTO_TEST_CASE(one_thread_can_be_meant) {
  in_child([] {
    const sigset_t set = block(SIGRTMIN);
    EXPECT(queue_to_thread(SIGRTMIN, 43) == 0);
    siginfo_t info = {};
    EXPECT(::sigwaitinfo(&set, &info) == SIGRTMIN);
    EXPECT(info.si_code == SI_ASYNCIO && info.si_value.sival_int == 43);
    return 0;
  });
}

// The limit counts the signals of the user, all processes together, so a full
// queue is found by trying.
BOOST_AUTO_TEST_CASE(real_time_signal_on_a_full_queue_is_EAGAIN_until_one_is_taken) {
  in_child([] {
    const sigset_t set = block(SIGRTMIN);
    const rlimit limit{queue_length, queue_length};
    EXPECT(::setrlimit(RLIMIT_SIGPENDING, &limit) == 0);
    rlim_t queued = 0;
    int answer = 0;
    while (queued <= queue_length && (answer = queue(SIGRTMIN)) == 0) ++queued;
    EXPECT(answer == EAGAIN);
    EXPECT(queue_to_thread(SIGRTMIN) == EAGAIN);
    siginfo_t info;
    while (queued > 0) {
      EXPECT(::sigwaitinfo(&set, &info) == SIGRTMIN);
      --queued;
    }
    return 0;
  });
}

// Dangerous: with a full queue a signal below SIGRTMIN is taken, the call says
// 0, and the value is lost: it arrives as SI_USER with nothing in it.
BOOST_AUTO_TEST_CASE(standard_signal_on_a_full_queue_loses_its_value_and_nobody_is_told) {
  in_child([] {
    block(SIGRTMIN);
    const sigset_t set = block(SIGUSR1);
    const rlimit limit{0, 0};
    EXPECT(::setrlimit(RLIMIT_SIGPENDING, &limit) == 0);
    EXPECT(queue(SIGRTMIN) == EAGAIN);
    EXPECT(queue(SIGUSR1, 42) == 0);
    siginfo_t info = {};
    EXPECT(::sigwaitinfo(&set, &info) == SIGUSR1);
    EXPECT(info.si_code == SI_USER);
    EXPECT(info.si_value.sival_int == 0);
    return 0;
  });
}

// A standard signal that is pending swallows the next; real-time signals queue.
BOOST_AUTO_TEST_CASE(pending_standard_signals_merge_and_real_time_ones_do_not) {
  in_child([] {
    const sigset_t standard = block(SIGUSR1);
    const sigset_t real_time = block(SIGRTMIN);
    siginfo_t info = {};
    for (const int value : {1, 2})
      EXPECT(queue(SIGUSR1, value) == 0 && queue(SIGRTMIN, value) == 0);
    const timespec at_once{0, 0};
    EXPECT(::sigtimedwait(&standard, &info, &at_once) == SIGUSR1 && info.si_value.sival_int == 1);
    EXPECT(::sigtimedwait(&standard, &info, &at_once) == -1 && errno == EAGAIN);
    for (const int value : {1, 2})
      EXPECT(::sigtimedwait(&real_time, &info, &at_once) == SIGRTMIN &&
             info.si_value.sival_int == value);
    return 0;
  });
}

BOOST_AUTO_TEST_CASE(a_signal_number_that_does_not_exist_is_EINVAL) {
  in_child([] {
    EXPECT(queue(65) == EINVAL);
    EXPECT(queue(-1) == EINVAL);
    EXPECT(queue(0) == 0);  // only asks whether it could
    return 0;
  });
}

BOOST_AUTO_TEST_SUITE_END()
