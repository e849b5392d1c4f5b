// SPDX-License-Identifier: MIT
// Sends notifications, each exactly once, none ever lost.
#pragma once

#include "notify/callback_threads.h"
#include "notify/signal_sender.h"

namespace kaio {

class Notifier {
 public:
  Notifier(NotificationOwner& owner, Statistics& statistics) noexcept
      : owner_(owner), statistics_(statistics), signals_(owner, statistics),
        callbacks_(owner, statistics) {}

  // Sends item.notification, now or soon; then, or before a callback starts, the
  // item goes back to its owner. Never blocks; async-signal-safe. False: it has to
  // wait for try_again() of signals().
  bool send(Notifiable& item);

  SignalSender& signals() noexcept { return signals_; }
  CallbackThreads& callbacks() noexcept { return callbacks_; }

 private:
  NotificationOwner& owner_;
  Statistics& statistics_;
  SignalSender signals_;
  CallbackThreads callbacks_;
};

}  // namespace kaio
