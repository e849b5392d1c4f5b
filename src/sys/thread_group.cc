// SPDX-License-Identifier: MIT
#include "sys/thread_group.h"

#include "sys/cancellation.h"

namespace kaio::sys {

int ThreadGroup::start(ThreadFunction run, void* argument, Stack stack) noexcept {
  {
    MutexLock lock(mutex_);
    ++thread_count_;
  }
  const int outcome = start_thread(run, argument, stack, Ending::in_group);
  if (outcome != 0) {
    MutexLock lock(mutex_);
    --thread_count_;
  }
  return outcome;
}

void ThreadGroup::leave() noexcept {
  pthread_t before{};
  bool joins_before = false;
  {
    MutexLock lock(mutex_);
    --thread_count_;
    if (!joins_) {
      ::pthread_detach(::pthread_self());
      return;
    }
    joins_before = any_left_;
    before = last_left_;
    any_left_ = true;
    last_left_ = ::pthread_self();
    leaves_.fetch_add(1, std::memory_order_relaxed);  // ordered by the mutex
  }
  futex_wake(&leaves_, 1);
  if (joins_before) ::pthread_join(before, nullptr);
}

void ThreadGroup::join() noexcept {
  const NoCancellation no_cancellation;
  for (;;) {
    std::uint32_t seen = 0;
    {
      MutexLock lock(mutex_);
      joins_ = true;
      if (thread_count_ == 0) break;
      seen = leaves_.load(std::memory_order_relaxed);
    }
    futex_wait(leaves_, seen, forever);
  }
  pthread_t last{};
  bool any_left = false;
  {
    MutexLock lock(mutex_);
    any_left = any_left_;
    last = last_left_;
  }
  if (any_left) ::pthread_join(last, nullptr);
}

}  // namespace kaio::sys
