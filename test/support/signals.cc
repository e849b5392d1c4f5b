// SPDX-License-Identifier: MIT
#include "signals.h"

#include "checked.h"

#include <pthread.h>

namespace support {

namespace {

sigset_t all_signals() {
  sigset_t all;
  sigfillset(&all);
  return all;
}

timespec to_timespec(Duration duration) {
  constexpr long second_ns = 1'000'000'000;
  return {duration.count() / second_ns, duration.count() % second_ns};
}

// After a case that failed, a notification may come when nobody expects it: it
// must not end the whole program.
void survive_late_ones(int number) {
  struct sigaction action;
  if (number >= SIGRTMIN && ::sigaction(number, nullptr, &action) == 0 &&
      action.sa_handler == SIG_DFL)
    std::signal(number, SIG_IGN);
}

}  // namespace

SignalHandler::SignalHandler(int number, void (*handler)(int), int flags) : number_{number} {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  checked(::sigaction(number_, &action, &before_), "sigaction");
}

SignalHandler::SignalHandler(int number, void (*handler)(int, siginfo_t*, void*), int flags)
    : number_{number} {
  struct sigaction action {};
  action.sa_sigaction = handler;
  action.sa_flags = flags | SA_SIGINFO;
  checked(::sigaction(number_, &action, &before_), "sigaction");
}

SignalHandler::~SignalHandler() {
  ::sigaction(number_, &before_, nullptr);
  survive_late_ones(number_);
}

BlockedSignal::BlockedSignal(int number) : number_{number} {
  sigemptyset(&set_);
  sigaddset(&set_, number);
  pthread_sigmask(SIG_BLOCK, &set_, &before_);
}

BlockedSignal::~BlockedSignal() {
  while (next(Duration::zero())) {
  }
  survive_late_ones(number_);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void BlockedSignal::attach(sigevent& event, int value) const {
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = number_;
  event.sigev_value.sival_int = value;
}

std::optional<siginfo_t> BlockedSignal::next(Duration limit) const {
  const auto deadline = Clock::now() + limit;
  for (;;) {
    const auto left = std::max(Duration::zero(), Duration{deadline - Clock::now()});
    const timespec timeout = to_timespec(left);
    siginfo_t info;
    if (::sigtimedwait(&set_, &info, &timeout) >= 0) return info;
    if (errno != EINTR) return std::nullopt;
  }
}

bool BlockedSignal::is_pending() const {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, number_) == 1;
}

Interrupter::Interrupter(int number, Duration pause) {
  // This thread is for sending only.
  const sigset_t all = all_signals();
  sigset_t before;
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread{[this, number, pause, target = pthread_self()] {
    while (!ending_) {
      std::this_thread::sleep_for(pause);
      if (!ending_) pthread_kill(target, number);
    }
  }};
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Interrupter::~Interrupter() {
  ending_ = true;
  thread_.join();
}

}  // namespace support
