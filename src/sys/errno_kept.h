// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>

namespace kaio::sys {

// errno is the same behind the scope as before it.
class ErrnoKept {
 public:
  ErrnoKept() = default;
  ~ErrnoKept() { errno = saved_; }
  ErrnoKept(const ErrnoKept&) = delete;
  ErrnoKept& operator=(const ErrnoKept&) = delete;

 private:
  const int saved_ = errno;
};

}  // namespace kaio::sys
