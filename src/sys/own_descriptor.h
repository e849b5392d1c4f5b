// SPDX-License-Identifier: MIT
// A file descriptor of kaio's own, among those of a program that may close any number, and
// open something else on it.
//
// Before a number is used, it is asked whether it still is the descriptor that was made. No
// identity of an eventfd or an epoll instance tells, because all of them share one inode. So
// the descriptor carries a mark: the signal that F_SETSIG names for asynchronous
// notification, which is never switched on for it. The mark is the first of the two signals
// that the C library reserves for itself, which no program can handle and so none asks for.
// A process can hold descriptors of several owners in kaio; which number is whose stands in a
// table beside the mark.
//
// Between the question and the use the number can still change hands: for as long as two
// system calls take, or for as long as an answer is good (number_lately).
#pragma once

#include <atomic>
#include <cstdint>

namespace kaio::sys {

class OwnDescriptor {
 public:
  constexpr OwnDescriptor() noexcept = default;
  ~OwnDescriptor() { close(); }
  OwnDescriptor(const OwnDescriptor&) = delete;
  OwnDescriptor& operator=(const OwnDescriptor&) = delete;

  // Takes over a descriptor that was just made: moves it out of the way of the program's
  // (sys/descriptors.h) and marks it. A number that was held before is forgotten, not closed.
  // False, and nothing done: `made` is negative. Not for two threads at once.
  bool adopt(int made) noexcept;

  // The number, or -1 if there is none or the program has closed it. One system call, and
  // async-signal-safe, as all that follows.
  int number() const noexcept;
  // The same, but an answer is good for `answer_good_ns`: for a use by each request, which the
  // kernel refuses if the number is no descriptor of the kind any more. Whoever is refused says
  // so by doubt(), after which it is asked again.
  int number_lately() const noexcept;
  void doubt() const noexcept { answered_ns_.store(0, std::memory_order_relaxed); }
  // The number without the question.
  int number_unasked() const noexcept { return number_.load(std::memory_order_acquire); }

  // Closes it, if it is still ours.
  void close() noexcept;

 private:
  static constexpr std::int64_t answer_good_ns = 50'000;

  std::atomic<int> number_{-1};
  mutable std::atomic<std::int64_t> answered_ns_{0};  // 0: in doubt
};

}  // namespace kaio::sys
