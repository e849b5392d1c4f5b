// SPDX-License-Identifier: MIT
// The threads of an object that can be destroyed: each is gone, to its last instruction, when
// join() returns.
//
// A thread says by leave() that it ends. As long as nobody joins, it is detached then, and
// leaves nothing behind. Once somebody does, the one that leaves joins the one that left before
// it, and join() the last: so no list of them has to be kept.
#pragma once

#include <pthread.h>

#include "sys/mutex.h"
#include "sys/thread.h"

namespace kaio::sys {

class ThreadGroup {
 public:
  ThreadGroup() = default;
  ~ThreadGroup() = default;
  ThreadGroup(const ThreadGroup&) = delete;
  ThreadGroup& operator=(const ThreadGroup&) = delete;

  // Starts one more, as start_thread(). Once join() has begun, only threads of the group do.
  int start(ThreadFunction run, void* argument, Stack stack) noexcept EXCLUDES(mutex_);

  // By a thread of the group, once: it returns from its function at once, and touches nothing of
  // the object's any more.
  void leave() noexcept EXCLUDES(mutex_);

  // Waits for all of them; they have been told to end. By one thread, once, and none of theirs.
  void join() noexcept EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  std::uint32_t thread_count_ GUARDED_BY(mutex_) = 0;
  bool joins_ GUARDED_BY(mutex_) = false;
  bool any_left_ GUARDED_BY(mutex_) = false;
  pthread_t last_left_ GUARDED_BY(mutex_){};  // valid if any has, since join() began
  FutexWord leaves_{0};                       // counts them, for join() to sleep on
};

}  // namespace kaio::sys
