// SPDX-License-Identifier: MIT
#pragma once

#include "posix/process/runtime.h"
#include "posix/request/deferred.h"

namespace kaio {

// Around what a function does with the engine: whatever was put aside meanwhile,
// here or in a handler that interrupted us, is routed when it leaves. Leaves errno
// as it found it.
class Frame {
 public:
  explicit Frame(Runtime& runtime) noexcept : runtime_(runtime) { deferred::submitted = {}; }
  ~Frame() {
    runtime_.dispatcher.drain();
    deferred::submitted = submitted_before_;
    errno = saved_errno_;
  }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

 private:
  Runtime& runtime_;
  int saved_errno_ = errno;
  // That of the frame which we, in a signal handler, interrupted.
  const deferred::Submitted submitted_before_ = deferred::submitted;
};

}  // namespace kaio
