// SPDX-License-Identifier: MIT
// Sends notifications, each exactly once, none ever lost.
#pragma once

#include "posix/notify/callback_threads.h"
#include "posix/notify/direct_sender.h"

namespace kaio {

class Notifier {
 public:
  Notifier(NotificationOwner& owner, Statistics& statistics) noexcept
      : owner_(owner), direct_(owner, statistics), callbacks_(owner, statistics) {}

  // One more notification will come to send(), or be settled otherwise; until then there
  // are threads to send it. For all kinds but `none`.
  void promise(const Notification& notification) noexcept {
    promised_.fetch_add(1, std::memory_order_seq_cst);
    if (notification.is_callback()) callbacks_.promise();
  }
  // It has been sent, or will not be.
  void settle(const Notification& notification) noexcept {
    if (notification.is_callback()) callbacks_.settle();
    promised_.fetch_sub(1, std::memory_order_release);
  }
  bool any_promised() const noexcept { return promised_.load(std::memory_order_seq_cst) != 0; }

  // Sends item.notification, now or soon; then, or before a callback starts, the
  // item goes back to its owner. Never blocks; async-signal-safe. False: it has to
  // wait for direct().try_again() and callbacks().ensure_queue_runs().
  bool send(Notifiable& item);

  AttributedCallbacks& attributed() noexcept { return attributed_; }
  DirectSender& direct() noexcept { return direct_; }
  CallbackThreads& callbacks() noexcept { return callbacks_; }

 private:
  NotificationOwner& owner_;
  AttributedCallbacks attributed_;
  DirectSender direct_;
  CallbackThreads callbacks_;
  alignas(64) std::atomic<std::uint32_t> promised_{0};
};

}  // namespace kaio
