// SPDX-License-Identifier: MIT
// Jobs that wait: by priority, and in order of arrival. Not thread-safe.
#pragma once

#include <array>

#include "core/transfer_queue.h"

namespace kaio {

class JobQueue {
 public:
  bool empty() const noexcept { return count_ == 0; }
  unsigned size() const noexcept { return count_; }

  void push(Transfer& transfer) noexcept {
    queues_[transfer.operation.priority].push_back(transfer);
    ++count_;
  }
  // Before all others of its priority.
  void push_front(Transfer& transfer) noexcept {
    queues_[transfer.operation.priority].push_front(transfer);
    ++count_;
  }
  void erase(Transfer& transfer) noexcept {
    queues_[transfer.operation.priority].erase(transfer);
    --count_;
  }
  // Null if there is none.
  Transfer* pop() noexcept {
    if (count_ == 0) return nullptr;
    for (TransferQueue& queue : queues_) {
      Transfer* transfer = queue.pop_front();
      if (transfer == nullptr) continue;
      --count_;
      return transfer;
    }
    return nullptr;
  }

 private:
  static constexpr std::size_t priority_count = 21;  // AIO_PRIO_DELTA_MAX + 1

  std::array<TransferQueue, priority_count> queues_;
  unsigned count_ = 0;
};

}  // namespace kaio
