// SPDX-License-Identifier: MIT
#pragma once

#include "deadline.h"

#include <sys/resource.h>

namespace support {

// Of this process so far.
inline Duration processor_time() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return std::chrono::seconds{used.ru_utime.tv_sec + used.ru_stime.tv_sec} +
         std::chrono::microseconds{used.ru_utime.tv_usec + used.ru_stime.tv_usec};
}

// What the process's other threads use while this one sleeps.
inline Duration processor_time_while_waiting(Duration span) {
  const Duration before = processor_time();
  std::this_thread::sleep_for(span);
  return processor_time() - before;
}

}  // namespace support
