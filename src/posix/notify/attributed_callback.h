// SPDX-License-Identifier: MIT
// A callback that wants a thread with attributes of its own.
//
// The program's pthread_attr_t must not be copied as it is, as it may point to memory that
// pthread_attr_destroy() of the original frees; and saying it again at the call would allocate
// in a function that a signal handler may call. So what it says is noted at the call, in memory
// of ours, and said again by whoever makes the thread.
#pragma once

#include <csignal>
#include <cstddef>
#include <pthread.h>
#include <sched.h>

#include "posix/request/notification.h"
#include "posix/request/slab.h"

namespace kaio {

class ThreadAttributes {
 public:
  void note(const pthread_attr_t& source) noexcept;
  // Those of a detached thread, as nobody could join it. False: there is no memory, and
  // nothing to destroy.
  bool make(pthread_attr_t& target) const noexcept;
  bool names_mask() const noexcept { return has_mask_; }

 private:
  std::size_t guard_bytes_ = 0;
  std::size_t stack_bytes_ = 0;
  void* stack_ = nullptr;
  int policy_ = 0;
  int inherits_ = 0;
  int scope_ = 0;
  sched_param parameters_{};
  bool has_own_stack_ = false;
  bool has_processors_ = false;
  bool has_mask_ = false;
  cpu_set_t processors_{};
  sigset_t mask_{};
};

struct AttributedCallback {
  NotifyFunction function = nullptr;
  ThreadAttributes attributes;
  std::uint32_t slot = 0;
  std::atomic<std::uint32_t> next_free{0};
  class AttributedCallbacks* home = nullptr;

  // Whoever has run the callback, or will not, gives it back.
  void release() noexcept;
};

// All of them.
class AttributedCallbacks {
 public:
  // Null: there is no memory. Async-signal-safe.
  AttributedCallback* allocate() noexcept {
    AttributedCallback* callback = slab_.allocate();
    if (callback != nullptr) callback->home = this;
    return callback;
  }
  void free(AttributedCallback& callback) noexcept { slab_.free(callback); }

 private:
  Slab<AttributedCallback, 16, 65536> slab_;
};

inline void AttributedCallback::release() noexcept { home->free(*this); }

}  // namespace kaio
