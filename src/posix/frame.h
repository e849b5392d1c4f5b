// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/runtime.h"

namespace kaio {

// Around what a function does with the engine: whatever was put aside meanwhile,
// here or in a handler that interrupted us, is routed when it leaves. Leaves errno
// as it found it.
class Frame {
 public:
  explicit Frame(Runtime& runtime) noexcept : runtime_(runtime) {}
  ~Frame() {
    runtime_.dispatcher.drain();
    errno = saved_errno_;
  }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

 private:
  Runtime& runtime_;
  int saved_errno_ = errno;
};

}  // namespace kaio
