// SPDX-License-Identifier: MIT
// A four-byte mutex that a descriptor record can afford.
//
// A signal handler may call into kaio while its own thread is inside kaio, so
// each thread counts the mutexes it holds: with a count above zero a handler
// must not take another one (it could be waiting for itself), and what needs one
// is put aside instead (posix/request/deferred.h). The count is the only thing a
// handler has to look at, which is why every lock of the engine is this class.
//
// Lock order, outermost first; a thread takes them in this order only:
//   descriptor record -> {kernel backlog, queue for a thread, pool queue, watcher table}
// The rest (callback threads, lazy threads, retrieval, set-up) are leaves. None is
// held across a transfer or a sleep, nor while user code runs; a record's is held
// while its descriptor is looked up by statx and fcntl.
#pragma once

#include "sys/futex.h"
#include "sys/thread_annotations.h"

namespace kaio::sys {

// Initial-exec: a plain offset from the thread pointer, so that the first use in
// a thread allocates nothing and is allowed in a signal handler.
#define KAIO_THREAD_LOCAL __attribute__((tls_model("initial-exec"))) constinit thread_local

extern KAIO_THREAD_LOCAL std::uint32_t mutexes_held;

// The address of a thread's own variable: unlike a thread id it costs no call.
inline std::uintptr_t this_thread() noexcept {
  return reinterpret_cast<std::uintptr_t>(&mutexes_held);
}

// Keeps the compiler (not the processor: handlers run on the same one) from
// moving accesses across the count.
inline void signal_fence() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }

// Tells the processor that this is a loop which waits for another one.
inline void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

class CAPABILITY("mutex") Mutex {
 public:
  void lock() noexcept ACQUIRE() {
    ++mutexes_held;
    signal_fence();
    std::uint32_t expected = unlocked;
    // acquire pairs with the release in unlock(): sees what the last holder wrote.
    if (!word_.compare_exchange_strong(expected, locked, std::memory_order_acquire)) lock_slow();
  }

  bool try_lock() noexcept TRY_ACQUIRE(true) {
    ++mutexes_held;
    signal_fence();
    std::uint32_t expected = unlocked;
    if (word_.compare_exchange_strong(expected, locked, std::memory_order_seq_cst)) return true;
    signal_fence();
    count_down();
    return false;
  }

  // seq_cst, a full fence: a thread that unlocks and then looks whether others have left
  // something to do, and one that leaves something and then tries the lock, cannot both
  // be right.
  void unlock() noexcept RELEASE() {
    if (word_.exchange(unlocked, std::memory_order_seq_cst) == contended) futex_wake(&word_, 1);
    signal_fence();
    count_down();
  }

 private:
  // 0 already: a handler that interrupted us has forked, this is the child, and the mutex is
  // one of the parent's engine.
  static void count_down() noexcept {
    if (mutexes_held != 0) --mutexes_held;
  }

  static constexpr std::uint32_t unlocked = 0, locked = 1, contended = 2;
  void lock_slow() noexcept;

  FutexWord word_{unlocked};
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) noexcept ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace kaio::sys
