// SPDX-License-Identifier: MIT
// Jobs that wait: by priority, and in order of arrival. Not thread-safe.
#pragma once

#include <array>

#include "request/request_list.h"

namespace kaio {

class JobQueue {
 public:
  bool empty() const noexcept { return count_ == 0; }

  void push(Request& request) noexcept {
    queues_[request.operation.priority].push_back(request);
    ++count_;
  }
  // Before all others of its priority.
  void push_front(Request& request) noexcept {
    queues_[request.operation.priority].push_front(request);
    ++count_;
  }
  void erase(Request& request) noexcept {
    queues_[request.operation.priority].erase(request);
    --count_;
  }
  // Null if there is none.
  Request* pop() noexcept {
    if (count_ == 0) return nullptr;
    for (RequestQueue& queue : queues_) {
      Request* request = queue.pop_front();
      if (request == nullptr) continue;
      --count_;
      return request;
    }
    return nullptr;
  }

 private:
  static constexpr std::size_t priority_count = 21;  // AIO_PRIO_DELTA_MAX + 1

  std::array<RequestQueue, priority_count> queues_;
  unsigned count_ = 0;
};

}  // namespace kaio
