// SPDX-License-Identifier: MIT
#pragma once

#include "request/sinks.h"

#include <atomic>
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
  std::vector<kaio::Notifiable*> all() {
    const std::lock_guard lock(mutex);
    return items;
  }
  std::mutex mutex;
  std::vector<kaio::Notifiable*> items;
  std::atomic<int> count{0};
};

}  // namespace unit
