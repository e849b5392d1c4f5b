// SPDX-License-Identifier: MIT
#include "notify/notifier.h"

#include <unistd.h>

namespace kaio {

bool Notifier::send(Notifiable& item) {
  switch (item.notification.kind) {
    case Notification::Kind::none:
      break;
    case Notification::Kind::signal:
    case Notification::Kind::thread_signal:
      return signals_.send(item);
    case Notification::Kind::callback:
    case Notification::Kind::attributed_callback:
      callbacks_.run(item);
      return true;
    case Notification::Kind::eventfd: {
      const int saved_errno = errno;
      const std::uint64_t one = 1;
      if (::write(item.notification.target, &one, sizeof one) == sizeof one)
        statistics_.count(Count::notified_eventfd);
      errno = saved_errno;
      break;
    }
  }
  owner_.sent(item);
  return true;
}

}  // namespace kaio
