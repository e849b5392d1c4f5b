// SPDX-License-Identifier: MIT
#pragma once

#include <cassert>

#include "sys/mutex.h"
#include "sys/thread_annotations.h"

namespace kaio::engine {

// The thread that uses an engine, as clang's analysis knows a lock: what is guarded by it belongs
// to that thread, and a function that requires it is never reached from a thread of the pool or
// of the watcher. Nothing is locked.
class CAPABILITY("thread") UserThread {
 public:
  // For functions that are reached in both: once they know that they are in that thread.
  void assert_here() const noexcept ASSERT_CAPABILITY(this) { assert(!is_helper_); }
  bool is_here() const noexcept { return !is_helper_; }

  // This is a helper thread, and always will be.
  static void is_another() noexcept { is_helper_ = true; }

 private:
  static KAIO_THREAD_LOCAL bool is_helper_;
};

}  // namespace kaio::engine
