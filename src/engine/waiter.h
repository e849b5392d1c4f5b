// SPDX-License-Identifier: MIT
#pragma once

#include "sys/futex.h"

namespace kaio::engine {

// A thread sleeps on it, and it is gone as soon as that thread knows that it was woken.
class Waiter {
 public:
  void wait() noexcept {
    while (over_.load(std::memory_order_acquire) == 0) sys::futex_wait(over_, 0, sys::forever);
  }
  void wake() noexcept {
    sys::FutexWord* const word = &over_;
    word->store(1, std::memory_order_release);
    sys::futex_wake(word, 1);  // looks at no memory
  }

 private:
  sys::FutexWord over_{0};
};

}  // namespace kaio::engine
