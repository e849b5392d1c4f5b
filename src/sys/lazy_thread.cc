// SPDX-License-Identifier: MIT
#include "sys/lazy_thread.h"

namespace kaio::sys {

bool LazyThread::start() noexcept {
  MutexLock lock(mutex_);
  const std::uint32_t state = state_.load();
  // `starting`: the thread has been made, and has not run yet.
  if ((state & phase_mask) != absent) return (state & phase_mask) != stopped;
  if (!prepare()) return false;
  // Before it is made, for the thread to find it so.
  state_.store((state & ~phase_mask) | starting);
  if (threads_.start(enter, this, Stack::ours) != 0) {
    state_.store(state);
    return false;
  }
  started();
  return true;
}

void LazyThread::abandon() noexcept {
  MutexLock lock(mutex_);
  const std::uint32_t state = state_.load();
  if ((state & phase_mask) != stopped) state_.store((state & ~phase_mask) + turn_one);
}

void LazyThread::stop() noexcept {
  MutexLock lock(mutex_);
  state_.store(((state_.load() & ~phase_mask) + turn_one) | stopped);
}

bool LazyThread::take_place(Turn& turn) noexcept {
  MutexLock lock(mutex_);
  const std::uint32_t state = state_.load();
  if ((state & phase_mask) == running || (state & phase_mask) == stopped) return false;
  turn = state & ~phase_mask;
  state_.store(turn | running);
  return true;
}

void* LazyThread::enter(void* self) {
  auto& thread = *static_cast<LazyThread*>(self);
  Turn turn = 0;
  // Otherwise it was abandoned before it ran, and another one has begun in its place.
  if (thread.take_place(turn)) {
    name_this_thread(thread.name_);
    thread.run(turn);
  }
  thread.ended();
  thread.threads_.leave();
  return nullptr;
}

}  // namespace kaio::sys
