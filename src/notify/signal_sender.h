// SPDX-License-Identifier: MIT
// SIGEV_SIGNAL and SIGEV_THREAD_ID. When the signal queue of the process is full
// (RLIMIT_SIGPENDING) notifications wait here, in order, and are tried again.
#pragma once

#include "request/request_stack.h"
#include "request/sinks.h"
#include "request/statistics.h"
#include "sys/mutex.h"

namespace kaio {

class SignalSender {
 public:
  SignalSender(NotificationOwner& owner, Statistics& statistics) noexcept
      : owner_(owner), statistics_(statistics) {}

  // Async-signal-safe. True: sent, and given back to its owner. False: it waits
  // for try_again().
  bool send(Notifiable& item);

  // Sends what waits, as far as the queue takes it. By one thread only (the
  // reaper). False: there is something left.
  bool try_again();

 private:
  bool queue(const Notification& notification) noexcept;

  NotificationOwner& owner_;
  Statistics& statistics_;
  NotifiableStack refused_;
  Notifiable* waiting_ = nullptr;  // only touched by try_again()
  std::atomic<bool> any_waiting_{false};
};

}  // namespace kaio
