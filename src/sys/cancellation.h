// SPDX-License-Identifier: MIT
#pragma once

#include <pthread.h>

namespace kaio::sys {

// Makes the one system call in its scope a cancellation point, as the C library
// does for its own: cancellation is asynchronous meanwhile. When the thread is
// cancelled the stack unwinds from inside that call, so nothing else may happen in
// the scope that would be left half done, and no frame up to the caller may be
// noexcept. Async-signal-safe.
class CancellationPoint {
 public:
  explicit CancellationPoint(bool enabled) : enabled_(enabled) {
    if (enabled_) ::pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &saved_type_);
  }
  ~CancellationPoint() {
    if (enabled_) ::pthread_setcanceltype(saved_type_, nullptr);
  }
  CancellationPoint(const CancellationPoint&) = delete;
  CancellationPoint& operator=(const CancellationPoint&) = delete;

 private:
  bool enabled_;
  int saved_type_ = PTHREAD_CANCEL_DEFERRED;
};

}  // namespace kaio::sys
