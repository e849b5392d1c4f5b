// SPDX-License-Identifier: MIT
#include "posix/notify/notifier.h"

namespace kaio {

bool Notifier::send(Notifiable& item) {
  switch (item.notification.kind) {
    case Notification::Kind::none:
      break;
    case Notification::Kind::signal:
    case Notification::Kind::thread_signal:
    case Notification::Kind::eventfd:
      return direct_.send(item);
    case Notification::Kind::callback:
    case Notification::Kind::attributed_callback:
      return callbacks_.run(item);
  }
  owner_.sent(item);
  return true;
}

}  // namespace kaio
