// SPDX-License-Identifier: MIT
// A small number for each of the threads that have something to count, so that it can write to
// memory of its own without an atomic read-modify-write.
#pragma once

#include <atomic>
#include <cstdint>

#include "sys/mutex.h"

namespace kaio {

class ThreadNumber {
 public:
  // So many threads have a number at a time; those that come later have none.
  static constexpr std::uint32_t count = 64;

  // Below `count`: no other thread has it. Not below: this one has none.
  static std::uint32_t mine() noexcept { return mine_; }
  // Whether this thread has asked for one.
  static bool is_asked_for() noexcept { return mine_ != not_asked; }
  // Asks for one, once in a thread's life. mine() is at least `count` if there is none left, and
  // tells such threads apart.
  static void ask() noexcept;
  // All that have been given to anybody are below.
  static std::uint32_t limit() noexcept { return limit_.load(std::memory_order_acquire); }

  // A thread's number is given to another one when it ends: what was written for the one is seen by
  // the other. Not where the library may be unloaded before the thread ends.
  static void give_back_at_the_end() noexcept;
  // In a child of fork(), in the thread that called it: the others are not there.
  static void forget_others() noexcept;

 private:
  static constexpr std::uint32_t not_asked = UINT32_MAX;

  static std::uint32_t take() noexcept;
  static void give_back(void*) noexcept;

  static KAIO_THREAD_LOCAL std::uint32_t mine_;
  static std::atomic<std::uint32_t> limit_;
  static std::atomic<std::uint64_t> free_;  // a bit for each that was given back
  static_assert(count == 64);
};

}  // namespace kaio
