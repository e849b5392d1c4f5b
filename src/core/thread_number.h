// SPDX-License-Identifier: MIT
// A small number for each of the threads that have something to count, so that it can write to
// memory of its own without an atomic read-modify-write.
#pragma once

#include <atomic>
#include <cstdint>
#include <sys/types.h>

#include "sys/mutex.h"

namespace kaio {

class ThreadNumber {
 public:
  // So many threads have a number at a time.
  static constexpr std::uint32_t count = 64;

  // Below `count`: no other thread has it. Not below: this one has none.
  static std::uint32_t mine() noexcept { return mine_; }
  static bool is_asked_for() noexcept { return mine_ != not_asked; }
  // Asks for one. A thread that finds none left stays without: mine() is at least `count`, and
  // tells such threads apart. Async-signal-safe.
  static void ask() noexcept;
  // All that have been given to anybody are below.
  static std::uint32_t limit() noexcept { return limit_.load(std::memory_order_acquire); }

  // From now on a thread that asks gives its number back when it ends, and the next one that has it
  // sees what the one before has written. (A thread that asks again while it ends, in the last
  // round of destructors or in a signal handler, keeps its number for ever.)
  static void give_back_at_the_end() noexcept;
  // In a child of fork(), in the thread that called it: gives back what other threads of the parent
  // had.
  static void forget_parents() noexcept;

 private:
  static constexpr std::uint32_t not_asked = UINT32_MAX;

  static std::uint32_t take(pid_t process) noexcept;
  static void release(std::uint32_t number, pid_t process) noexcept;
  static void give_back(void*) noexcept;

  static KAIO_THREAD_LOCAL std::uint32_t mine_;
  static std::atomic<std::uint32_t> limit_;
  // The process of the thread that has the number; 0: it is free. A thread may fork at any time, in
  // a signal handler, and its child know nothing of what it was about to do.
  static std::atomic<pid_t> owners_[count];
};

}  // namespace kaio
