// SPDX-License-Identifier: MIT
// Two intrusive lists, eight bytes each, because a descriptor record holds three.
// Circular, so that the one pointer reaches both ends. Not thread-safe: each is
// guarded by the lock of what holds it.
#pragma once

#include "request/request.h"

namespace kaio {

// Everything outstanding on a descriptor, in call order.
class OutstandingList {
 public:
  bool empty() const noexcept { return head_ == nullptr; }
  Request* front() const noexcept { return head_; }
  // The one called after `request`, or null.
  Request* after(const Request& request) const noexcept {
    return request.all_next == head_ ? nullptr : request.all_next;
  }

  Request* back() const noexcept { return head_ == nullptr ? nullptr : head_->all_previous; }
  Request* before(const Request& request) const noexcept {
    return &request == head_ ? nullptr : request.all_previous;
  }

  void push_back(Request& request) noexcept {
    if (head_ == nullptr) {
      request.all_next = request.all_previous = head_ = &request;
      return;
    }
    request.all_next = head_;
    request.all_previous = head_->all_previous;
    request.all_previous->all_next = &request;
    head_->all_previous = &request;
  }

  void push_front(Request& request) noexcept {
    push_back(request);
    head_ = &request;
  }

  void erase(Request& request) noexcept {
    if (request.all_next == &request) {
      head_ = nullptr;
    } else {
      request.all_previous->all_next = request.all_next;
      request.all_next->all_previous = request.all_previous;
      if (head_ == &request) head_ = request.all_next;
    }
    request.all_next = request.all_previous = nullptr;
  }

 private:
  Request* head_ = nullptr;
};

// Requests waiting in order; a request is in at most one such queue.
class RequestQueue {
 public:
  bool empty() const noexcept { return head_ == nullptr; }
  Request* front() const noexcept { return head_; }
  // The one behind `request`, or null.
  Request* after(const Request& request) const noexcept {
    return request.next == head_ ? nullptr : static_cast<Request*>(request.next);
  }

  void push_back(Request& request) noexcept {
    if (head_ == nullptr) {
      head_ = &request;
      request.previous = &request;
      request.next = &request;
      return;
    }
    Request* last = head_->previous;
    request.previous = last;
    request.next = head_;
    last->next = &request;
    head_->previous = &request;
  }

  void push_front(Request& request) noexcept {
    push_back(request);
    head_ = &request;
  }

  Request* pop_front() noexcept {
    Request* first = head_;
    if (first != nullptr) erase(*first);
    return first;
  }

  void erase(Request& request) noexcept {
    Request* following = static_cast<Request*>(request.next);
    if (following == &request) {
      head_ = nullptr;
    } else {
      request.previous->next = following;
      following->previous = request.previous;
      if (head_ == &request) head_ = following;
    }
    request.previous = nullptr;
    request.next = nullptr;
  }

 private:
  Request* head_ = nullptr;
};

}  // namespace kaio
