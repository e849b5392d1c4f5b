// SPDX-License-Identifier: MIT
// A backend without threads: the test answers what was started, or refuses it.
#pragma once

#include "core/backend.h"

#include <algorithm>
#include <mutex>
#include <vector>

namespace unit {

class ScriptedBackend final : public kaio::Backend {
 public:
  // `in`: the state of what it has.
  explicit ScriptedBackend(kaio::TransferState in) noexcept : state_(in) {}

  bool start(kaio::Transfer& transfer) noexcept override {
    const std::lock_guard lock(mutex_);
    if (refuses) return false;
    transfer.move_to(state_);
    started_.push_back(&transfer);
    return true;
  }
  bool can_start() noexcept override { return !refuses; }
  void start_threads() noexcept override {}
  bool remove(kaio::Transfer& transfer) noexcept override {
    const std::lock_guard lock(mutex_);
    if (std::erase(started_, &transfer) == 0) return false;
    transfer.move_to(kaio::TransferState::starting);
    return true;
  }

  // The oldest that it has, to be answered; null if there is none.
  kaio::Transfer* take() {
    const std::lock_guard lock(mutex_);
    if (started_.empty()) return nullptr;
    kaio::Transfer* const transfer = started_.front();
    started_.erase(started_.begin());
    transfer->move_to(kaio::TransferState::starting);
    return transfer;
  }
  bool empty() const {
    const std::lock_guard lock(mutex_);
    return started_.empty();
  }

  bool refuses = false;

 private:
  const kaio::TransferState state_;
  mutable std::mutex mutex_;
  std::vector<kaio::Transfer*> started_;
};

}  // namespace unit
