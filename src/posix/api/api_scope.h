// SPDX-License-Identifier: MIT
#pragma once

#include "posix/process/runtime.h"
#include "posix/request/submitting_call.h"

namespace kaio {

// Around what a function does with the engine: whatever was put aside meanwhile,
// here or in a handler that interrupted us, is routed when it leaves. Leaves errno
// as it found it.
class ApiScope {
 public:
  explicit ApiScope(Runtime& runtime, bool may_start_threads = true) noexcept
      : runtime_(runtime), may_start_threads_(may_start_threads) {}
  ~ApiScope() {
    runtime_.dispatcher.drain();
    // None: it has been settled, or this frame submits nothing.
    const std::uint64_t submitted = SubmittingCall::of_this_thread();
    if (submitted != submitted_before_ && submitted != SubmittingCall::none)
      SubmittingCall::begin(submitted_before_);
    errno = saved_errno_;
  }
  ApiScope(const ApiScope&) = delete;
  ApiScope& operator=(const ApiScope&) = delete;

 private:
  Runtime& runtime_;
  const sys::MayStartThreads may_start_threads_;
  int saved_errno_ = errno;
  // That of the frame which we, in a signal handler, interrupted.
  const std::uint64_t submitted_before_ = SubmittingCall::of_this_thread();
};

}  // namespace kaio
