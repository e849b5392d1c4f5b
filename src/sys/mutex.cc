// SPDX-License-Identifier: MIT
#include "sys/mutex.h"

namespace kaio::sys {

KAIO_THREAD_LOCAL std::uint32_t mutexes_held = 0;

void Mutex::lock_slow() noexcept {
  // Sections are tens of nanoseconds long: a short spin mostly saves the sleep.
  for (int spin = 0; spin < 100; ++spin) {
    std::uint32_t expected = unlocked;
    if (word_.load(std::memory_order_relaxed) == unlocked &&
        word_.compare_exchange_weak(expected, locked, std::memory_order_acquire))
      return;
    relax();
  }
  while (word_.exchange(contended, std::memory_order_acquire) != unlocked)
    futex_wait(word_, contended, forever);
}

}  // namespace kaio::sys
