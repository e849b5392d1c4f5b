// SPDX-License-Identifier: MIT
// The table of system calls, with some entries replaced, until the object goes.
// To be made before anything of the engine runs.
#pragma once

#include "sys/calls.h"

namespace unit {

class FakedCalls {
 public:
  FakedCalls() : saved_(kaio::sys::calls) {}
  ~FakedCalls() { kaio::sys::calls = saved_; }
  FakedCalls(const FakedCalls&) = delete;
  FakedCalls& operator=(const FakedCalls&) = delete;
  kaio::sys::Calls* operator->() { return &kaio::sys::calls; }

 private:
  kaio::sys::Calls saved_;
};

}  // namespace unit
