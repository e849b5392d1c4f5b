// SPDX-License-Identifier: MIT
// A lock-free stack that many threads, and signal handlers, push to, and that is
// taken as a whole; take_in_order() gives back the order of the pushes.
#pragma once

#include <atomic>

namespace kaio {

// `link`: the member by which an item finds the next one.
template <class Item, Item* Item::*link>
class IntrusiveStack {
 public:
  // True: the stack was empty.
  bool push(Item& item) noexcept {
    Item* top = top_.load(std::memory_order_relaxed);
    do {
      item.*link = top;
      // seq_cst: the pusher goes on to look whether anybody will take the item,
      // the taker says that it will not before it looks here a last time; one of
      // the two has to see the other.
    } while (!top_.compare_exchange_weak(top, &item, std::memory_order_seq_cst,
                                         std::memory_order_relaxed));
    return top == nullptr;
  }

  bool empty() const noexcept { return top_.load(std::memory_order_seq_cst) == nullptr; }

  // A chain through `next`, oldest first.
  Item* take_in_order() noexcept {
    Item* newest = top_.exchange(nullptr, std::memory_order_seq_cst);
    Item* oldest_first = nullptr;
    while (newest != nullptr) {
      Item* older = newest->*link;
      newest->*link = oldest_first;
      oldest_first = newest;
      newest = older;
    }
    return oldest_first;
  }

 private:
  std::atomic<Item*> top_{nullptr};
};

}  // namespace kaio
