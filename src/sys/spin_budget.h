// SPDX-License-Identifier: MIT
// Adaptive spinning: whether to look on for a moment before sleeping.
//
// A sleep costs more than its thread sees of it. Whoever ends it has to wake a
// processor, often an idle one, which takes microseconds of its time. What comes next
// then waits for that thread, comes late, and is slept for again.
//
// So an account is kept. Looking costs the time that it takes, and gains what a sleep
// would have cost when something came. While that pays, a thread looks on before each
// sleep. While it does not, each sleep puts a little aside, until there is enough for a
// few looks in a row: a single one would not tell, as a device that is kept busy answers
// sooner. Where it never pays, that is all it costs, and less and less.
//
// Any thread may ask and tell at any time: guesses, for speed only.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "sys/clock.h"
#include "sys/mutex.h"

namespace kaio::sys {

class SpinBudget {
 public:
  // A look is so long at most; longer waits are not worth a processor.
  static constexpr std::int64_t look_max_ns = 20'000;

  // False: never look.
  void enable(bool enabled) noexcept { enabled_.store(enabled, std::memory_order_relaxed); }

  // To be called before each sleep. Looks for `came` all the time, if it looks at all, and
  // now and then for `ended`, which may take longer to find out. True: one of them was so.
  template <class Came, class Ended>
  bool spin_before_sleep(Deadline deadline, Came&& came, Ended&& ended) noexcept {
    if (!enabled_.load(std::memory_order_relaxed) || !allows_look()) return false;
    const std::int64_t begin_ns = monotonic_ns();
    const std::int64_t until_ns = std::min(deadline, begin_ns + look_max_ns);
    std::int64_t now_ns = begin_ns;
    bool found = false;
    do {
      for (int i = 0; i < looks_per_clock_reading && !found; ++i) {
        relax();
        found = came();
      }
      found = found || ended();
      now_ns = monotonic_ns();
    } while (!found && now_ns < until_ns);
    looked(now_ns - begin_ns, found);
    return found;
  }

  // The account itself. False: sleep at once.
  bool allows_look() noexcept {
    const std::int32_t balance = balance_ns_.load(std::memory_order_relaxed);
    const bool looks = looks_.load(std::memory_order_relaxed);
    if (balance >= (looks ? 1 : trials_ns)) {
      if (!looks) looks_.store(true, std::memory_order_relaxed);
      return true;
    }
    unsigned vain_trials = vain_trials_.load(std::memory_order_relaxed);
    if (looks) {
      looks_.store(false, std::memory_order_relaxed);
      vain_trials = std::min(vain_trials + 1, vain_trials_max);
      vain_trials_.store(vain_trials, std::memory_order_relaxed);
    }
    balance_ns_.store(balance + (put_aside_ns >> vain_trials), std::memory_order_relaxed);
    return false;
  }

  // After a look that took `time_ns`; `came`: what it was for.
  void looked(std::int64_t time_ns, bool came) noexcept {
    // Not more than if the processor had not been taken away meanwhile.
    const std::int64_t cost_ns = std::min(time_ns, 2 * look_max_ns) - (came ? sleep_cost_ns : 0);
    std::int64_t balance = balance_ns_.load(std::memory_order_relaxed) - cost_ns;
    if (balance >= balance_max_ns) {
      balance = balance_max_ns;
      vain_trials_.store(0, std::memory_order_relaxed);
    }
    balance_ns_.store(static_cast<std::int32_t>(balance), std::memory_order_relaxed);
  }

 private:
  // Of the sleeper and the waker together.
  static constexpr std::int64_t sleep_cost_ns = 8'000;
  static constexpr int looks_per_clock_reading = 16;
  static constexpr std::int32_t put_aside_ns = 250;
  static constexpr std::int32_t trials_ns = 2 * look_max_ns;
  static constexpr unsigned vain_trials_max = 4;
  static constexpr std::int64_t balance_max_ns = 100'000;

  std::atomic<bool> enabled_{true};
  std::atomic<std::int32_t> balance_ns_{0};
  std::atomic<bool> looks_{false};
  std::atomic<unsigned> vain_trials_{0};  // the last ones, as far as they count
};

}  // namespace kaio::sys
