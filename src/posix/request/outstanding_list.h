// SPDX-License-Identifier: MIT
// An intrusive list of eight bytes, circular, so that the one pointer reaches both ends. Not
// thread-safe: the descriptor record's mutex guards it.
#pragma once

#include "posix/request/request.h"

namespace kaio {

// Everything outstanding on a descriptor, in call order.
class OutstandingList {
 public:
  bool empty() const noexcept { return head_ == nullptr; }
  Request* front() const noexcept { return head_; }
  // The one called after `request`, or null.
  Request* after(const Request& request) const noexcept {
    return next_of(request) == head_ ? nullptr : next_of(request);
  }

  Request* back() const noexcept { return head_ == nullptr ? nullptr : head_->all_previous; }
  Request* before(const Request& request) const noexcept {
    return &request == head_ ? nullptr : request.all_previous;
  }

  void push_back(Request& request) noexcept {
    if (head_ == nullptr) {
      request.next_item = request.all_previous = head_ = &request;
      return;
    }
    request.next_item = head_;
    request.all_previous = head_->all_previous;
    request.all_previous->next_item = &request;
    head_->all_previous = &request;
  }

  void push_front(Request& request) noexcept {
    push_back(request);
    head_ = &request;
  }

  void erase(Request& request) noexcept {
    Request* const following = next_of(request);
    if (following == &request) {
      head_ = nullptr;
    } else {
      request.all_previous->next_item = following;
      following->all_previous = request.all_previous;
      if (head_ == &request) head_ = following;
    }
    request.next_item = request.all_previous = nullptr;
  }

 private:
  static Request* next_of(const Request& request) noexcept {
    return static_cast<Request*>(request.next_item);
  }

  Request* head_ = nullptr;
};

}  // namespace kaio
