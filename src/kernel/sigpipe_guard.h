// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>
#include <ctime>

#include "sys/cancellation.h"

namespace kaio {

// Keeps a write from raising SIGPIPE in this thread: blocks the signal for the
// scope, and takes it back if the scope made it pending. For kernels without
// RWF_NOSIGNAL.
class SigpipeGuard {
 public:
  SigpipeGuard() noexcept {
    sigset_t pending;
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    ::sigemptyset(&sigpipe_);
    ::sigaddset(&sigpipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &sigpipe_, &saved_);
  }
  ~SigpipeGuard() {
    const sys::NoCancellation no_cancellation;
    const timespec no_time{};
    if (!was_pending_) ::sigtimedwait(&sigpipe_, nullptr, &no_time);
    ::pthread_sigmask(SIG_SETMASK, &saved_, nullptr);
  }
  SigpipeGuard(const SigpipeGuard&) = delete;
  SigpipeGuard& operator=(const SigpipeGuard&) = delete;

 private:
  bool was_pending_ = false;
  sigset_t sigpipe_;
  sigset_t saved_;
};

}  // namespace kaio
