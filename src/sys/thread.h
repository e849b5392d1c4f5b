// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "sys/mutex.h"

namespace kaio::sys {

// An idle thread of kaio's ends after so long.
inline constexpr std::int64_t thread_idle_ns = 1'000'000'000;

using ThreadFunction = void* (*)(void*);

// What a thread needs of a stack, which counts in full where the program locks its memory
// (mlockall) or its address space is limited.
enum class Stack : unsigned char {
  ours,      // for code of kaio's only
  programs,  // for callbacks: the program's default size (ulimit -s), if that can be had
};

// How a thread ends: by itself, or as its group says (sys/thread_group.h).
enum class Ending : bool { detached, in_group };

// Starts a thread of kaio's with every signal blocked, so that none of the program's is ever
// delivered to it, unless in a callback. 0, or a negative error number (-EAGAIN: no more
// threads).
int start_thread(ThreadFunction run, void* argument, Stack stack,
                 Ending ending = Ending::detached) noexcept;

// Whether the calling thread may start others now. aio_error() and its like may be called on top
// of malloc(), which the C library calls to make a thread: they leave that to the reaper's thread
// (Backend::ThreadStarter). A jump out of them leaves their value behind, so those that submit say
// so as well; wherever it is left, threads are started a little later.
extern KAIO_THREAD_LOCAL bool may_start_threads;

class MayStartThreads {
 public:
  explicit MayStartThreads(bool may) noexcept : before_(may_start_threads) {
    may_start_threads = may;
  }
  ~MayStartThreads() { may_start_threads = before_; }
  MayStartThreads(const MayStartThreads&) = delete;
  MayStartThreads& operator=(const MayStartThreads&) = delete;

 private:
  const bool before_;
};

// The calling thread, when woken, waits for a processor instead of taking one from
// another thread. Real-time threads stay as they are.
void never_preempt_on_wake_up() noexcept;

// At most 15 characters. Called by the thread itself, which may be gone by the
// time its creator could name it.
void name_this_thread(const char* name) noexcept;

}  // namespace kaio::sys
