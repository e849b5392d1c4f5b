// SPDX-License-Identifier: MIT
// Requests that found no place in the ring, in call order. Unbounded but for the
// memory of the requests themselves; emptied whenever completions free places.
#pragma once

#include "request/request_list.h"
#include "sys/mutex.h"

namespace kaio {

class Backlog {
 public:
  bool empty() const noexcept { return count_.load(std::memory_order_seq_cst) == 0; }

  void push(Request& request) noexcept EXCLUDES(mutex_) {
    sys::MutexLock lock(mutex_);
    request.move_to(RequestState::backlog);
    queue_.push_back(request);
    count_.fetch_add(1, std::memory_order_seq_cst);
  }

  // The oldest one, in state `starting`; null when there is none.
  Request* pop() noexcept EXCLUDES(mutex_) {
    sys::MutexLock lock(mutex_);
    Request* request = queue_.front();
    if (request != nullptr) take(*request);
    return request;
  }

  // To cancel it. False: it is not here (any more).
  bool remove(Request& request) noexcept EXCLUDES(mutex_) {
    sys::MutexLock lock(mutex_);
    if (request.state.load(std::memory_order_acquire) != RequestState::backlog) return false;
    take(request);
    return true;
  }

 private:
  void take(Request& request) noexcept REQUIRES(mutex_) {
    queue_.erase(request);
    request.move_to(RequestState::starting);
    count_.fetch_sub(1, std::memory_order_seq_cst);
  }

  sys::Mutex mutex_;
  RequestQueue queue_ GUARDED_BY(mutex_);
  std::atomic<std::uint32_t> count_{0};
};

}  // namespace kaio
