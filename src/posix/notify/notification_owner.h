// SPDX-License-Identifier: MIT
#pragma once

#include "posix/request/notification.h"

namespace kaio {

// How notify/ reports to whoever asks it to send notifications, without knowing who that is.
class NotificationOwner {
 public:
  // The notification has been sent, and `item` is no longer used by notify/.
  virtual void sent(Notifiable& item) = 0;
  // Completes whatever has ended meanwhile: its notifications come to notify/. For
  // threads of notify/ between two pieces of work, with no lock held.
  virtual void reap() = 0;
  // Routes what handlers have put aside in this thread.
  virtual void drain() = 0;
  // Something cannot be sent until notify/ is asked to try again.
  virtual void wants_retry() = 0;

 protected:
  ~NotificationOwner() = default;
};

}  // namespace kaio
