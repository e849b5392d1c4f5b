// SPDX-License-Identifier: MIT
// Which request a call is submitting. Until the call returns, the program has not gone on, so the
// number of the descriptor still is the file that the request is for, and whoever has to know
// which one that is may ask the kernel. Afterwards the number may be another file's.
#pragma once

#include <atomic>

#include "core/statistics.h"
#include "posix/request/request.h"

namespace kaio {

// The calls that are under way, of threads that have a number: the request, in its present life,
// that the innermost submitting frame of each has submitted last. (While a signal handler submits,
// it hides the call that it interrupted.)
class SubmittingCall {
 public:
  static constexpr std::uint64_t none = 0;

  // In this thread; the identity of its request (Request::identity).
  static std::uint64_t of_this_thread() noexcept { return mine().load(std::memory_order_acquire); }
  static bool is_of(const Request& request) noexcept {
    return of_this_thread() == request.identity();
  }
  static void begin(std::uint64_t identity) noexcept {
    mine().store(identity, std::memory_order_release);
  }
  static void end() noexcept { begin(none); }

  // Whether others see those of this thread.
  static bool is_visible() noexcept { return Statistics::this_threads_number() < count; }
  // Of a thread that has that number, to be read and written as begin() does.
  static std::atomic<std::uint64_t>& of_thread(std::uint32_t number) noexcept {
    return words[number].identity;
  }

  // For whoever has the answer to another thread's request. Whether the call is under way: asked
  // after the kernel was asked what the number is, because only if the call has not returned by
  // then is that the request's file.
  static bool is_elsewhere(const Request& request) noexcept;
  // The call, which may wait for it, need not compare any more.
  static void settle(const Request& request) noexcept;

  static void forget_after_fork() noexcept;

 private:
  static constexpr std::uint32_t count = Statistics::own_shard_count;
  struct alignas(64) Word {
    std::atomic<std::uint64_t> identity{none};
  };

  static std::atomic<std::uint64_t>& mine() noexcept {
    const std::uint32_t number = Statistics::this_threads_number();
    return number < count ? of_thread(number) : unnumbered;
  }
  static std::atomic<std::uint64_t>* find(std::uint64_t identity) noexcept;

  static KAIO_THREAD_LOCAL std::atomic<std::uint64_t> unnumbered;
  static Word words[count];
};

}  // namespace kaio
