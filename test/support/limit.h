// SPDX-License-Identifier: MIT
#pragma once

#include "checked.h"

#include <sys/resource.h>

namespace support {

// A lower soft limit, until the object goes.
class Limit {
 public:
  using Resource = decltype(RLIMIT_NOFILE);  // an enum with glibc and C++
  Limit(Resource resource, rlim_t value) : resource_{resource} {
    checked(::getrlimit(resource_, &before_), "getrlimit");
    rlimit changed = before_;
    changed.rlim_cur = value;
    checked(::setrlimit(resource_, &changed), "setrlimit");
  }
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;
  ~Limit() { ::setrlimit(resource_, &before_); }

 private:
  Resource resource_;
  rlimit before_{};
};

}  // namespace support
