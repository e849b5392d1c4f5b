// SPDX-License-Identifier: MIT
// The operations under way that have a deadline: a pairing heap, in the operations themselves.
#pragma once

#include "engine/operation_state.h"

namespace kaio::engine {

class Deadlines {
 public:
  bool empty() const noexcept { return root_ == nullptr; }
  // INT64_MAX: none.
  std::int64_t first_ns() const noexcept {
    return root_ == nullptr ? INT64_MAX : root_->rare.due_ns;
  }

  void insert(OperationState& operation) noexcept {
    operation.first_child = operation.next_sibling = operation.parent_or_previous = nullptr;
    root_ = root_ == nullptr ? &operation : meld(*root_, operation);
  }

  // True: it was here.
  bool erase(OperationState& operation) noexcept {
    if (&operation == root_) {
      root_ = pair(operation.first_child);
    } else if (OperationState* before = operation.parent_or_previous) {
      (before->first_child == &operation ? before->first_child : before->next_sibling) =
          operation.next_sibling;
      if (operation.next_sibling != nullptr) operation.next_sibling->parent_or_previous = before;
      if (OperationState* children = pair(operation.first_child)) root_ = meld(*root_, *children);
    } else {
      return false;
    }
    operation.first_child = operation.next_sibling = operation.parent_or_previous = nullptr;
    return true;
  }

  // The first one, if it is due.
  OperationState* take_due(std::int64_t now_ns) noexcept {
    OperationState* first = root_;
    if (first == nullptr || first->rare.due_ns > now_ns) return nullptr;
    erase(*first);
    return first;
  }

 private:
  // Both without siblings.
  static OperationState* meld(OperationState& one, OperationState& other) noexcept {
    OperationState& first = one.rare.due_ns <= other.rare.due_ns ? one : other;
    OperationState& second = &first == &one ? other : one;
    second.parent_or_previous = &first;
    second.next_sibling = first.first_child;
    if (first.first_child != nullptr) first.first_child->parent_or_previous = &second;
    first.first_child = &second;
    first.parent_or_previous = nullptr;
    return &first;
  }

  // Makes one heap of a list of siblings: by twos from the left, then all from the right.
  static OperationState* pair(OperationState* sibling) noexcept {
    OperationState* pairs = nullptr;  // through next_sibling, the last one first
    while (sibling != nullptr) {
      OperationState& one = *sibling;
      OperationState* other = one.next_sibling;
      sibling = other == nullptr ? nullptr : other->next_sibling;
      one.next_sibling = one.parent_or_previous = nullptr;
      OperationState* both = &one;
      if (other != nullptr) {
        other->next_sibling = other->parent_or_previous = nullptr;
        both = meld(one, *other);
      }
      both->next_sibling = pairs;
      pairs = both;
    }
    OperationState* all = nullptr;
    while (pairs != nullptr) {
      OperationState& one = *pairs;
      pairs = one.next_sibling;
      one.next_sibling = nullptr;
      all = all == nullptr ? &one : meld(*all, one);
    }
    return all;
  }

  OperationState* root_ = nullptr;
};

}  // namespace kaio::engine
