// SPDX-License-Identifier: MIT
// Transfers that wait, in order; a transfer is in at most one such queue. An intrusive list of
// eight bytes, because a descriptor record holds several; circular, so that the one pointer
// reaches both ends. Not thread-safe: it is guarded by the lock of what holds it.
#pragma once

#include "core/intrusive_stack.h"
#include "core/transfer.h"

namespace kaio {

using TransferStack = IntrusiveStack<Transfer, &Transfer::next>;

class TransferQueue {
 public:
  bool empty() const noexcept { return head_ == nullptr; }
  Transfer* front() const noexcept { return head_; }
  // The one behind `transfer`, or null.
  Transfer* after(const Transfer& transfer) const noexcept {
    return transfer.next == head_ ? nullptr : transfer.next;
  }

  void push_back(Transfer& transfer) noexcept {
    if (head_ == nullptr) {
      head_ = &transfer;
      transfer.previous = &transfer;
      transfer.next = &transfer;
      return;
    }
    Transfer* last = head_->previous;
    transfer.previous = last;
    transfer.next = head_;
    last->next = &transfer;
    head_->previous = &transfer;
  }

  void push_front(Transfer& transfer) noexcept {
    push_back(transfer);
    head_ = &transfer;
  }

  Transfer* pop_front() noexcept {
    Transfer* first = head_;
    if (first != nullptr) erase(*first);
    return first;
  }

  void erase(Transfer& transfer) noexcept {
    Transfer* following = transfer.next;
    if (following == &transfer) {
      head_ = nullptr;
    } else {
      transfer.previous->next = following;
      following->previous = transfer.previous;
      if (head_ == &transfer) head_ = following;
    }
    transfer.previous = nullptr;
    transfer.next = nullptr;
  }

 private:
  Transfer* head_ = nullptr;
};

}  // namespace kaio
