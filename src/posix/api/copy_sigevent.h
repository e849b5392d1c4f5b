// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>

#include "posix/notify/notifier.h"

namespace kaio {

int copy_some_sigevent(const sigevent& event, Notifier& notifier,
                       Notification& notification) noexcept;

// Checks and copies a sigevent. 0; EINVAL: one that cannot be; EAGAIN: no memory,
// thread or descriptor for callbacks. On 0 `notification` is promised (Notifier::promise), and
// may own a copy of attributes: release() it if the request is not made after all.
inline int copy_sigevent(const sigevent& event, Notifier& notifier,
                         Notification& notification) noexcept {
  notification = {};
  if (event.sigev_notify == SIGEV_NONE) return 0;
  return copy_some_sigevent(event, notifier, notification);
}
void release(Notification& notification, Notifier& notifier) noexcept;

}  // namespace kaio
