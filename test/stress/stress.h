// SPDX-License-Identifier: MIT
// What the stress cases share: how long they run, and where threads other than the
// test's own report what went wrong.
#pragma once

#include "support/deadline.h"
#include "support/precondition.h"
#include "support/watchdog.h"

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <string>

namespace stress {

// A few seconds, or with KAIO_TEST_LONG=1 some more. Prolongs the watchdog too.
inline std::chrono::seconds duration() {
  const char* wanted = std::getenv("KAIO_TEST_LONG");
  const bool is_long = wanted != nullptr && wanted[0] == '1';
  const std::chrono::seconds span(is_long ? 15 : 3);
  support::watchdog().allow(span + std::chrono::seconds(support::sanitized ? 180 : 60));
  return span;
}

class Trouble {
 public:
  void report(const std::string& what) {
    const std::lock_guard lock(mutex_);
    if (count_++ == 0) first_ = what;
  }
  // Checks in any thread.
  bool expect(bool condition, const char* what) {
    if (!condition) report(what);
    return condition;
  }
  int count() const { return count_; }
  std::string first() {
    const std::lock_guard lock(mutex_);
    return first_;
  }

 private:
  std::mutex mutex_;
  std::string first_;
  std::atomic<int> count_{0};
};

}  // namespace stress
