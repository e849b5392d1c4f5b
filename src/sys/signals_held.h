// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>
#include <ctime>
#include <sys/syscall.h>

#include "sys/direct_call.h"

namespace kaio::sys {

// All but SIGSYS: it is how a filter tells a thread of a call that it has refused, and the kernel
// ends a process whose thread has it blocked then.
inline sigset_t signals_to_hold() noexcept {
  sigset_t all;
  ::sigfillset(&all);
  ::sigdelset(&all, SIGSYS);
  return all;
}

// No handler of the program's runs on this thread in the scope. For calls that allocate: one that
// interrupted them might want to make a thread, and so allocate too. A thread that is made in the
// scope inherits the mask.
class AllSignalsHeld {
 public:
  AllSignalsHeld() noexcept {
    const sigset_t held = signals_to_hold();
    ::pthread_sigmask(SIG_BLOCK, &held, &before_);
  }
  ~AllSignalsHeld() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  AllSignalsHeld(const AllSignalsHeld&) = delete;
  AllSignalsHeld& operator=(const AllSignalsHeld&) = delete;

 private:
  sigset_t before_;
};

// A write, or the making of a file, raises no signal of its own in the scope: the program has
// not asked for it, and would end by it. Async-signal-safe, and no cancellation point.
class WriteSignalsHeld {
 public:
  WriteSignalsHeld() noexcept {
    direct_call(SYS_rt_sigpending, &pending_before_, set_bytes);
    direct_call(SYS_rt_sigprocmask, long{SIG_BLOCK}, &signals_, &mask_before_, set_bytes);
  }
  ~WriteSignalsHeld() {
    const std::uint64_t own = signals_ & ~pending_before_;
    const timespec at_once{};
    while (direct_call(SYS_rt_sigtimedwait, &own, nullptr, &at_once, set_bytes) > 0) {
    }
    direct_call(SYS_rt_sigprocmask, long{SIG_SETMASK}, &mask_before_, nullptr, set_bytes);
  }
  WriteSignalsHeld(const WriteSignalsHeld&) = delete;
  WriteSignalsHeld& operator=(const WriteSignalsHeld&) = delete;

 private:
  static constexpr long set_bytes = 8;  // the kernel's sets are of 64 signals
  const std::uint64_t signals_ = std::uint64_t{1} << (SIGPIPE - 1) | std::uint64_t{1}
                                                                         << (SIGXFSZ - 1);
  std::uint64_t pending_before_ = 0, mask_before_ = 0;
};

}  // namespace kaio::sys
