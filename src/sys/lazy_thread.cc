// SPDX-License-Identifier: MIT
#include "sys/lazy_thread.h"

namespace kaio::sys {

bool LazyThread::start() noexcept {
  MutexLock lock(mutex_);
  std::uint32_t state = state_.load();
  // `starting`, seen with the lock held: the thread has been made, and has not run yet.
  if ((state & phase_mask) != absent) return true;
  if (!prepare()) return false;
  // Before it is made: it may even end before we go on. If this fails, the thread that was
  // about to end has seen the need, and goes on.
  if (!state_.compare_exchange_strong(state, (state & ~phase_mask) | starting)) return true;
  if (start_thread(enter, this, Stack::ours) != 0) {
    state_.store(state);
    return false;
  }
  started();
  return true;
}

void LazyThread::abandon() noexcept {
  MutexLock lock(mutex_);
  state_.store((state_.load() & ~phase_mask) + turn_one);
}

void* LazyThread::enter(void* self) {
  auto& thread = *static_cast<LazyThread*>(self);
  std::uint32_t state = thread.state_.load();
  // Otherwise it was abandoned before it ran, and the one in its place has begun already.
  if ((state & phase_mask) == starting &&
      thread.state_.compare_exchange_strong(state, (state & ~phase_mask) | running)) {
    name_this_thread(thread.name_);
    thread.run(state & ~phase_mask);
  }
  thread.ended();
  return nullptr;
}

}  // namespace kaio::sys
