// SPDX-License-Identifier: MIT
#include "posix/api/copy_sigevent.h"

#include <cerrno>

#include "kaio/aio.h"
#include "posix/request/deferred.h"

namespace kaio {
namespace {

// Signals the C library keeps for itself lie between the two ranges.
bool is_signal_number(int number) {
  return (number > 0 && number < __SIGRTMIN) || (number >= SIGRTMIN && number <= SIGRTMAX);
}

int copy_callback(const sigevent& event, Notifier& notifier, Notification& notification) {
  if (event.sigev_notify_function == nullptr) return EINVAL;
  const auto* attributes = static_cast<const pthread_attr_t*>(event.sigev_notify_attributes);
  if (attributes == nullptr) {
    notification.kind = Notification::Kind::callback;
    notification.function = event.sigev_notify_function;
    return 0;
  }
  AttributedCallback* attributed = notifier.attributed().allocate();
  if (attributed == nullptr) return EAGAIN;
  attributed->attributes.note(*attributes);
  attributed->function = event.sigev_notify_function;
  notification.kind = Notification::Kind::attributed_callback;
  notification.attributed = attributed;
  return 0;
}

int check_and_copy(const sigevent& event, Notifier& notifier, Notification& notification) {
  notification.value = event.sigev_value;
  switch (event.sigev_notify) {
    case SIGEV_SIGNAL:
    case SIGEV_THREAD_ID:
      if (event.sigev_signo == 0) return 0;  // a zeroed aiocb says this
      if (!is_signal_number(event.sigev_signo)) return EINVAL;
      notification.signal_number = static_cast<std::uint8_t>(event.sigev_signo);
      notification.kind = Notification::Kind::signal;
      if (event.sigev_notify == SIGEV_SIGNAL) return 0;
      notification.kind = Notification::Kind::thread_signal;
      notification.target = event.sigev_notify_thread_id;
      return notification.target > 0 ? 0 : EINVAL;
    case SIGEV_THREAD:
      return copy_callback(event, notifier, notification);
    case SIGEV_EVENTFD:
      notification.kind = Notification::Kind::eventfd;
      notification.target = event.sigev_notify_eventfd;
      return notification.target >= 0 ? 0 : EINVAL;
    default:
      return EINVAL;
  }
}

}  // namespace

int copy_some_sigevent(const sigevent& event, Notifier& notifier,
                       Notification& notification) noexcept {
  if (const int error_number = check_and_copy(event, notifier, notification)) return error_number;
  if (notification.kind == Notification::Kind::none) return 0;
  notifier.promise(notification);
  // In a handler that interrupted us a thread cannot be made; the reaper will.
  if (!notification.is_callback() || deferred::must_put_aside() ||
      notifier.callbacks().ensure_running())
    return 0;
  release(notification, notifier);
  return EAGAIN;
}

void release(Notification& notification, Notifier& notifier) noexcept {
  if (notification.kind == Notification::Kind::none) return;
  notifier.settle(notification);
  if (notification.kind == Notification::Kind::attributed_callback)
    notification.attributed->release();
  notification = {};
}

}  // namespace kaio
