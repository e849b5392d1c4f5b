// SPDX-License-Identifier: MIT
// Callbacks on a thread of their own: with attributes that the program gave, or fresh, because
// the program wants every callback on a new thread (option callback_threads). Nothing that such a
// callback does to its thread outlives it.
//
// Fresh ones are bounded: when limits::fresh_threads_usual run at once, the next waits for one of
// them to end. Callbacks may wait for each other, so if none ends for a while, as many may run in
// addition, and so on up to limits::callback_threads_max.
#pragma once

#include <atomic>
#include <csignal>
#include <cstdint>

#include "posix/notify/attributed_callback.h"
#include "sys/futex.h"

namespace kaio {

namespace limits {
inline constexpr std::uint32_t callback_threads_max = 8192;
inline constexpr std::uint32_t fresh_threads_usual = 64;
}  // namespace limits

class OwnThreads {
 public:
  OwnThreads() noexcept = default;
  OwnThreads(const OwnThreads&) = delete;
  OwnThreads& operator=(const OwnThreads&) = delete;

  // With these attributes, and this mask unless they name one. False: it cannot be made, and the
  // callback is still to be run.
  static bool start(const AttributedCallback& attributed, sigval value,
                    const sigset_t& mask) noexcept;
  // Fresh: with the default attributes and this mask. Waits for its turn. False: likewise.
  bool start(NotifyFunction function, sigval value, const sigset_t& mask) noexcept;

 private:
  struct Call;
  class Turn;  // a place among those that run, given up also by pthread_exit

  static void* run(void* call);
  static bool create(const Call& wanted, const ThreadAttributes* attributes) noexcept;
  bool take_turn() noexcept;
  bool wait_for_an_end(std::uint32_t running) noexcept;
  void end_turn() noexcept;

  sys::FutexWord running_{0};
  std::atomic<std::uint32_t> waiting_{0};
  std::atomic<std::uint32_t> bound_{limits::fresh_threads_usual};
};

}  // namespace kaio
