// SPDX-License-Identifier: MIT
#pragma once

#include "deadline.h"

#include <aio.h>

#include <condition_variable>
#include <functional>
#include <mutex>

namespace support {

// Receives SIGEV_THREAD notifications: counts them, and lets the test's thread
// wait for them. Must outlive the requests.
class Callbacks {
 public:
  Callbacks() = default;
  // `action` runs in every callback, before it is counted.
  explicit Callbacks(std::function<void()> action) : action_{std::move(action)} {}
  ~Callbacks();
  Callbacks(const Callbacks&) = delete;
  Callbacks& operator=(const Callbacks&) = delete;

  void attach(sigevent& event, pthread_attr_t* attributes = nullptr);
  int count();
  // Whether there were that many before the limit.
  bool wait_for(int count, Duration limit = patience);

 private:
  static void receive(sigval value);

  const std::function<void()> action_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;  // guarded by mutex_
};

}  // namespace support
