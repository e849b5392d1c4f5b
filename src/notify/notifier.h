// SPDX-License-Identifier: MIT
// Sends notifications, each exactly once, none ever lost.
#pragma once

#include "notify/callback_threads.h"
#include "notify/direct_sender.h"

namespace kaio {

class Notifier {
 public:
  Notifier(NotificationOwner& owner, Statistics& statistics) noexcept
      : owner_(owner), direct_(owner, statistics),
        callbacks_(owner, statistics) {}

  // Sends item.notification, now or soon; then, or before a callback starts, the
  // item goes back to its owner. Never blocks; async-signal-safe. False: it has to
  // wait for direct().try_again() and callbacks().ensure_queue_runs().
  bool send(Notifiable& item);

  DirectSender& direct() noexcept { return direct_; }
  CallbackThreads& callbacks() noexcept { return callbacks_; }

 private:
  NotificationOwner& owner_;
  DirectSender direct_;
  CallbackThreads callbacks_;
};

}  // namespace kaio
