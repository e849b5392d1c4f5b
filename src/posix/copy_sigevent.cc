// SPDX-License-Identifier: MIT
#include "posix/copy_sigevent.h"

#include <cerrno>
#include <new>

#include "kaio/aio.h"
#include "request/deferred.h"

namespace kaio {
namespace {

// Signals the C library keeps for itself lie between the two ranges.
bool is_signal_number(int number) {
  return (number > 0 && number < __SIGRTMIN) || (number >= SIGRTMIN && number <= SIGRTMAX);
}

// What pthread_attr_t can say, said again: the struct must not be copied, as it
// may point to memory that pthread_attr_destroy() of the original frees.
bool copy_attributes(const pthread_attr_t& source, pthread_attr_t& target) noexcept {
  if (::pthread_attr_init(&target) != 0) return false;
  int number = 0;
  std::size_t size_bytes = 0;
  void* stack = nullptr;
  sched_param parameters{};
  if (::pthread_attr_getguardsize(&source, &size_bytes) == 0)
    ::pthread_attr_setguardsize(&target, size_bytes);
  if (::pthread_attr_getschedpolicy(&source, &number) == 0)
    ::pthread_attr_setschedpolicy(&target, number);
  if (::pthread_attr_getschedparam(&source, &parameters) == 0)
    ::pthread_attr_setschedparam(&target, &parameters);
  if (::pthread_attr_getinheritsched(&source, &number) == 0)
    ::pthread_attr_setinheritsched(&target, number);
  if (::pthread_attr_getscope(&source, &number) == 0) ::pthread_attr_setscope(&target, number);
  if (::pthread_attr_getstack(&source, &stack, &size_bytes) == 0) {
    // glibc reports an address that was never set as one whose end is 0.
    if (reinterpret_cast<std::uintptr_t>(stack) + size_bytes != 0) {
      ::pthread_attr_setstack(&target, stack, size_bytes);
    } else if (size_bytes != 0) {
      ::pthread_attr_setstacksize(&target, size_bytes);
    }
  }
  cpu_set_t processors;
  if (::pthread_attr_getaffinity_np(&source, sizeof processors, &processors) == 0 &&
      CPU_COUNT(&processors) != CPU_SETSIZE)
    ::pthread_attr_setaffinity_np(&target, sizeof processors, &processors);
#ifdef PTHREAD_ATTR_NO_SIGMASK_NP
  sigset_t mask;
  if (::pthread_attr_getsigmask_np(&source, &mask) == 0)
    ::pthread_attr_setsigmask_np(&target, &mask);
#endif
  // Nobody could join it.
  ::pthread_attr_setdetachstate(&target, PTHREAD_CREATE_DETACHED);
  return true;
}

int copy_callback(const sigevent& event, Notification& notification) {
  if (event.sigev_notify_function == nullptr) return EINVAL;
  const auto* attributes = static_cast<const pthread_attr_t*>(event.sigev_notify_attributes);
  if (attributes == nullptr) {
    notification.kind = Notification::Kind::callback;
    notification.function = event.sigev_notify_function;
    return 0;
  }
  auto* attributed = new (std::nothrow) AttributedCallback;
  if (attributed == nullptr || !copy_attributes(*attributes, attributed->attributes)) {
    delete attributed;
    return EAGAIN;
  }
  attributed->function = event.sigev_notify_function;
  notification.kind = Notification::Kind::attributed_callback;
  notification.attributed = attributed;
  return 0;
}

int check_and_copy(const sigevent& event, Notification& notification) {
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
      return copy_callback(event, notification);
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
  if (const int error_number = check_and_copy(event, notification)) return error_number;
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
  if (notification.kind == Notification::Kind::attributed_callback) {
    ::pthread_attr_destroy(&notification.attributed->attributes);
    delete notification.attributed;
  }
  notification = {};
}

}  // namespace kaio
