// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <climits>

#include "sys/futex.h"

namespace kaio::engine {

// Threads that sleep until their records are durable. A group ends many of these sleeps, and one
// system call wakes all of them: with one for each, the disk stood still for as long as the group
// took to be written.
//
// A thread sleeps at the place of the group that its record is likely to be in: the next one that
// begins. A group wakes all threads at the places of its records. Those whose records are in
// another group go back to sleep.
class GroupWaiters {
 public:
  class Waiter {
   public:
    explicit Waiter(GroupWaiters& all) noexcept
        : all_(all), place_(all.begun_.load(std::memory_order_relaxed) % place_count) {}

    void wait() noexcept {
      const sys::FutexWord& word = all_.words_[place_];
      for (;;) {
        const std::uint32_t seen = word.load(std::memory_order_acquire);
        if (is_over_.load(std::memory_order_acquire)) return;
        sys::futex_wait(word, seen, sys::forever);
      }
    }
    // By the engine's thread, before it wakes: the waiter may be gone afterwards.
    void end() noexcept {
      all_.ended_ |= 1u << place_;
      is_over_.store(true, std::memory_order_release);
    }

   private:
    GroupWaiters& all_;
    const unsigned place_;
    std::atomic<bool> is_over_{false};
  };

  // The rest is for the engine's thread.
  void group_begins() noexcept { begun_.fetch_add(1, std::memory_order_relaxed); }
  void wake() noexcept {
    for (unsigned place = 0; ended_ >> place != 0; ++place) {
      if ((ended_ >> place & 1) == 0) continue;
      words_[place].fetch_add(1, std::memory_order_release);
      sys::futex_wake(&words_[place], INT_MAX);
    }
    ended_ = 0;
  }

 private:
  static constexpr unsigned place_count = 4;

  std::array<sys::FutexWord, place_count> words_{};
  std::atomic<unsigned> begun_{0};
  unsigned ended_ = 0;  // a bit for each place at which somebody sleeps that has to be woken
};

}  // namespace kaio::engine
