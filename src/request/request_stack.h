// SPDX-License-Identifier: MIT
// A lock-free stack that many threads, and signal handlers, push to, and that is
// taken as a whole; take_in_order() gives back the order of the pushes.
#pragma once

#include <atomic>

#include "request/notification.h"

namespace kaio {

class NotifiableStack {
 public:
  // True: the stack was empty.
  bool push(Notifiable& item) noexcept {
    Notifiable* top = top_.load(std::memory_order_relaxed);
    do {
      item.next = top;
      // seq_cst: the pusher goes on to look whether anybody will take the item,
      // the taker says that it will not before it looks here a last time; one of
      // the two has to see the other.
    } while (!top_.compare_exchange_weak(top, &item, std::memory_order_seq_cst,
                                         std::memory_order_relaxed));
    return top == nullptr;
  }

  bool empty() const noexcept { return top_.load(std::memory_order_seq_cst) == nullptr; }

  // A chain through `next`, oldest first.
  Notifiable* take_in_order() noexcept {
    Notifiable* newest = top_.exchange(nullptr, std::memory_order_seq_cst);
    Notifiable* oldest_first = nullptr;
    while (newest != nullptr) {
      Notifiable* older = newest->next;
      newest->next = oldest_first;
      oldest_first = newest;
      newest = older;
    }
    return oldest_first;
  }

 private:
  std::atomic<Notifiable*> top_{nullptr};
};

}  // namespace kaio
