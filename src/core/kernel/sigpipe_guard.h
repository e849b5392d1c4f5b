// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>
#include <ctime>
#include <sys/syscall.h>

#include "sys/direct_call.h"

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
    const timespec no_time{};
    constexpr long kernel_mask_bytes = 8;  // of 64 signals
    if (!was_pending_)
      sys::direct_call(SYS_rt_sigtimedwait, &sigpipe_, nullptr, &no_time, kernel_mask_bytes);
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
