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
// system calls take.
#pragma once

#include <atomic>

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
  // The number without the question.
  int number_unasked() const noexcept { return number_.load(std::memory_order_acquire); }

  // Closes it, if it is still ours.
  void close() noexcept;

 private:
  std::atomic<int> number_{-1};
};

}  // namespace kaio::sys
