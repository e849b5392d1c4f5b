// SPDX-License-Identifier: MIT
// Which request a call is submitting. Until the call returns, the program has not gone on, so the
// number of the descriptor still is the file that the request is for, and whoever has to know
// which one that is may ask the kernel. Afterwards the number may be another file's.
#pragma once

#include <atomic>

#include "core/statistics.h"
#include "posix/request/request.h"

namespace kaio {

// The calls that are under way: of each thread the request, in its present life, that its
// innermost frame which submits anything has submitted last. (The frame of a signal handler hides
// that of the call which it interrupted.)
class SubmittingCall {
 public:
  static constexpr std::uint64_t none = 0;

  // In this thread; the identity of its request (Request::identity).
  static std::uint64_t of_this_thread() noexcept {
    const std::uint32_t number = Statistics::this_threads_number();
    return number < own_count ? of_thread(number).load(std::memory_order_acquire) : unnumbered;
  }
  static bool is_of(const Request& request) noexcept {
    return of_this_thread() == request.identity();
  }
  static void begin(std::uint64_t identity) noexcept {
    const std::uint32_t number = Statistics::this_threads_number();
    if (number < own_count) {
      of_thread(number).store(identity, std::memory_order_release);
    } else {
      begin_unnumbered(identity);
    }
  }
  static void end() noexcept { begin(none); }

  // Of a thread that has that number, to be read and written as begin() does.
  static std::atomic<std::uint64_t>& of_thread(std::uint32_t number) noexcept {
    return words[number].identity;
  }

  // For whoever has the answer to another thread's request. Whether the call is under way: asked
  // after the kernel was asked what the number is, because only if the call has not returned by
  // then is that the request's file. False also where there are very many threads.
  static bool is_elsewhere(const Request& request) noexcept;
  // The call, which may wait for it, need not compare any more.
  static void settle(const Request& request) noexcept;

  static void forget_after_fork() noexcept;

 private:
  static constexpr std::uint32_t own_count = Statistics::own_shard_count, shared_count = 16;
  struct alignas(64) Word {
    std::atomic<std::uint64_t> identity{none};
  };

  static void begin_unnumbered(std::uint64_t identity) noexcept;
  static std::atomic<std::uint64_t>* find(std::uint64_t identity) noexcept;

  static KAIO_THREAD_LOCAL std::uint64_t unnumbered;
  static Word words[own_count + shared_count];  // the last ones are for threads without a number
};

}  // namespace kaio
