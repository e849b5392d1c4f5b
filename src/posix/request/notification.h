// SPDX-License-Identifier: MIT
// A sigevent, checked and copied when the request was made.
#pragma once

#include <csignal>
#include <cstdint>

#include "core/intrusive_stack.h"

namespace kaio {

using NotifyFunction = void (*)(sigval);

struct AttributedCallback;  // posix/notify/attributed_callback.h

struct Notification {
  enum class Kind : std::uint8_t {
    none,
    signal,               // to the process
    thread_signal,        // to thread `target`
    callback,             // `function`, on a reused thread
    attributed_callback,  // `attributed`, on a thread of its own
    eventfd,              // add 1 to descriptor `target`
  };

  Kind kind = Kind::none;
  std::uint8_t signal_number = 0;
  bool of_list = false;  // the Notifiable is a RequestGroup, not a Request
  std::int32_t target = 0;
  sigval value{};
  union {
    NotifyFunction function = nullptr;
    AttributedCallback* attributed;
  };

  bool is_callback() const noexcept {
    return kind == Kind::callback || kind == Kind::attributed_callback;
  }
};
static_assert(sizeof(Notification) == 24);

// What a notification queue holds: a request, or a list whose last request is
// done. Once sent it goes back through NotificationOwner (posix/notify/notification_owner.h).
struct Notifiable {
  Notification notification;
  Notifiable* next_item = nullptr;
};

using NotifiableStack = IntrusiveStack<Notifiable, &Notifiable::next_item>;

}  // namespace kaio
