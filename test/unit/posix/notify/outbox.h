// SPDX-License-Identifier: MIT
#pragma once

#include "posix/notify/notification_owner.h"
#include "posix/request/request.h"

#include <atomic>
#include <functional>
#include <mutex>
#include <vector>

namespace unit {

// Takes back what was sent, in order.
struct Outbox final : kaio::NotificationOwner {
  void sent(kaio::Notifiable& item) override {
    const std::lock_guard lock(mutex);
    items.push_back(&item);
    ++count;
  }
  void reap() override {
    ++reaps;
    if (on_reap) on_reap();
  }
  void drain() override {
    if (on_drain) on_drain();
  }
  void wants_retry() override { ++retries; }
  std::vector<kaio::Notifiable*> all() {
    const std::lock_guard lock(mutex);
    return items;
  }
  std::mutex mutex;
  std::vector<kaio::Notifiable*> items;
  std::atomic<int> count{0};
  std::atomic<int> reaps{0};
  std::atomic<int> retries{0};
  std::function<void()> on_reap;  // set before any thread runs, as the next
  std::function<void()> on_drain;
};

}  // namespace unit
