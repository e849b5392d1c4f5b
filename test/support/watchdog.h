// SPDX-License-Identifier: MIT
// A hung test fails, and does not hang: a thread that ends the process with the
// name of the test case when a case takes too long. Not with ThreadSanitizer, where
// that is left to whoever runs the program.
#pragma once

#include <boost/test/tree/observer.hpp>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace support {

class Watchdog : public boost::unit_test::test_observer {
 public:
  Watchdog();
  ~Watchdog() override;
  void test_unit_start(const boost::unit_test::test_unit& unit) override;
  void test_unit_finish(const boost::unit_test::test_unit& unit, unsigned long elapsed) override;
  // Behind Boost's own: 1.74 asks one of them, at every observer's start, for a
  // flag that is only set when its turn has come.
  int priority() override { return 100; }
  // From now on the running case may take this long, on a machine that is not slow.
  void allow(std::chrono::seconds limit);

 private:
  void watch();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string case_name_;  // empty: nothing to watch; guarded by mutex_
  std::chrono::steady_clock::time_point deadline_;
  bool ending_ = false;
  std::thread thread_;
};

// The one of this process.
Watchdog& watchdog();

}  // namespace support
