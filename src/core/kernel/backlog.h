// SPDX-License-Identifier: MIT
// Transfers that found no place in the ring, in call order, or no thread. Unbounded but for the
// memory of the transfers themselves; emptied whenever there are places, or threads.
#pragma once

#include "core/transfer_queue.h"
#include "sys/mutex.h"

namespace kaio {

class Backlog {
 public:
  // `state`: what a transfer is in while it is queued here.
  explicit Backlog(TransferState state = TransferState::backlog) noexcept : state_(state) {}

  bool empty() const noexcept { return count() == 0; }
  std::uint32_t count() const noexcept { return count_.load(std::memory_order_seq_cst); }

  void push(Transfer& transfer) noexcept EXCLUDES(mutex_) {
    sys::MutexLock lock(mutex_);
    transfer.move_to(state_);
    queue_.push_back(transfer);
    count_.fetch_add(1, std::memory_order_seq_cst);
  }

  // The oldest one, in state `starting`; null when there is none.
  Transfer* pop() noexcept EXCLUDES(mutex_) {
    sys::MutexLock lock(mutex_);
    Transfer* transfer = queue_.front();
    if (transfer != nullptr) take(*transfer);
    return transfer;
  }

  // To cancel it. False: it is not here (any more).
  bool remove(Transfer& transfer) noexcept EXCLUDES(mutex_) {
    sys::MutexLock lock(mutex_);
    if (transfer.state.load(std::memory_order_acquire) != state_) return false;
    take(transfer);
    return true;
  }

 private:
  void take(Transfer& transfer) noexcept REQUIRES(mutex_) {
    queue_.erase(transfer);
    transfer.move_to(TransferState::starting);
    count_.fetch_sub(1, std::memory_order_seq_cst);
  }

  const TransferState state_;
  sys::Mutex mutex_;
  TransferQueue queue_ GUARDED_BY(mutex_);
  std::atomic<std::uint32_t> count_{0};
};

}  // namespace kaio
