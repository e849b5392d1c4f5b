// SPDX-License-Identifier: MIT
// An operation's memory as the vector calls want it.
#pragma once

#include "core/io_operation.h"

namespace kaio {

class CallVector {
 public:
  explicit CallVector(const IoOperation& operation) noexcept
      : single_{.iov_base = operation.buffer, .iov_len = operation.size},
        parts_(operation.vectored ? operation.vector() : &single_),
        count_(operation.vectored ? static_cast<int>(operation.size) : 1) {}
  CallVector(const CallVector&) = delete;
  CallVector& operator=(const CallVector&) = delete;
  iovec* parts() noexcept { return parts_; }
  int count() const noexcept { return count_; }

 private:
  iovec single_;
  iovec* parts_;
  int count_;
};

}  // namespace kaio
