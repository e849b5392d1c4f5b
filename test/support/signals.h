// SPDX-License-Identifier: MIT
#pragma once

#include "deadline.h"

#include <aio.h>

#include <atomic>
#include <csignal>
#include <optional>
#include <thread>

namespace support {

// A handler, until the object goes.
class SignalHandler {
 public:
  SignalHandler(int number, void (*handler)(int), int flags = 0);
  SignalHandler(int number, void (*handler)(int, siginfo_t*, void*), int flags = 0);
  SignalHandler(const SignalHandler&) = delete;
  SignalHandler& operator=(const SignalHandler&) = delete;
  ~SignalHandler();

 private:
  int number_;
  struct sigaction before_;
};

// Blocked in every thread from the start (main.cc): a callback thread, which has
// the mask that the program had when the first callback was asked for, cannot
// take it away from the thread that waits for it.
inline int queue_signal() { return SIGRTMIN + 1; }

// A signal that this thread blocks, and takes from the queue one by one.
class BlockedSignal {
 public:
  explicit BlockedSignal(int number);
  BlockedSignal(const BlockedSignal&) = delete;
  BlockedSignal& operator=(const BlockedSignal&) = delete;
  ~BlockedSignal();  // those still queued are thrown away
  void attach(sigevent& event, int value = 0) const;
  std::optional<siginfo_t> next(Duration limit = patience) const;
  bool is_pending() const;

 private:
  int number_;
  sigset_t set_;
  sigset_t before_;
};

// Sends a signal to the thread that made it, again and again, until it goes: a
// wait in that thread cannot miss it.
class Interrupter {
 public:
  explicit Interrupter(int number, Duration pause = std::chrono::milliseconds{10});
  ~Interrupter();

 private:
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

}  // namespace support
