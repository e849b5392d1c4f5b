// SPDX-License-Identifier: MIT
#pragma once

#include "cases.h"

// Each callback of this scope has a thread of its own.
struct FreshThreads {
  FreshThreads() { BOOST_REQUIRE(kaio_set_option("callback_threads", "fresh") == 0); }
  ~FreshThreads() { kaio_set_option("callback_threads", "reuse"); }
  FreshThreads(const FreshThreads&) = delete;
  FreshThreads& operator=(const FreshThreads&) = delete;
};
