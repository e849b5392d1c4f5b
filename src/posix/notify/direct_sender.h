// SPDX-License-Identifier: MIT
// What is sent by one system call: SIGEV_SIGNAL, SIGEV_THREAD_ID, SIGEV_EVENTFD.
// When there is no room, in the signal queue of the process (RLIMIT_SIGPENDING) or
// in the eventfd's counter, notifications wait here, and are tried again. Signals wait in
// order, because they share one queue. An eventfd that is full delays nobody else.
#pragma once

#include <unistd.h>

#include "core/statistics.h"
#include "posix/request/notification.h"
#include "posix/notify/notification_owner.h"
#include "sys/mutex.h"

namespace kaio {

class DirectSender {
 public:
  DirectSender(NotificationOwner& owner, Statistics& statistics) noexcept
      : owner_(owner), statistics_(statistics) {}

  // Async-signal-safe. True: sent, and given back to its owner. False: it waits
  // for try_again().
  bool send(Notifiable& item);

  // Sends what waits, as far as the queue takes it. By one thread only (the
  // reaper). False: there is something left.
  bool try_again();

 private:
  // False: there is no room.
  bool try_send(const Notifiable& item) noexcept;
  bool queue_signal(const Notification& notification) noexcept;
  bool add_to_eventfd(int fd) noexcept;

  struct Line {
    const bool in_order;
    NotifiableStack refused{};
    Notifiable* waiting = nullptr;  // only touched by try_again()
    std::atomic<bool> any_waiting{false};
  };
  bool try_again(Line& line);

  NotificationOwner& owner_;
  Statistics& statistics_;
  const pid_t pid_ = ::getpid();  // a child of fork() has an engine of its own
  Line signals_{.in_order = true};
  Line eventfds_{.in_order = false};
};

}  // namespace kaio
