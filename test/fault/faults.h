// SPDX-License-Identifier: MIT
// System calls that fail on demand. Installed once in a forked child, before the
// first request; every knob may be turned while requests run.
#pragma once

#include <atomic>
#include <climits>
#include <libaio.h>

namespace fault {

struct Faults {
  std::atomic<unsigned> setup_granted{UINT_MAX};  // io_setup of more fails ...
  std::atomic<int> setup_error{0};                // ... with this
  std::atomic<int> setup_calls{0};

  std::atomic<int> submit_calls{0};
  std::atomic<int> submit_refused_from{INT_MAX};  // the n-th call and all later ones
  std::atomic<int> submit_error{0};
  std::atomic<int> submit_busy{0};             // that many more calls say EAGAIN
  std::atomic<int> submit_busy_every{0};       // every n-th call does
  std::atomic<long> submit_at_most{LONG_MAX};  // iocbs taken by one call
  std::atomic<bool> halve_transfers{false};    // the kernel is asked for half

  std::atomic<int> getevents_error{0};
  std::atomic<int> getevents_interrupted_every{0};
  std::atomic<int> getevents_calls{0};
  // Looks at every event that io_getevents returns (option ring=0).
  std::atomic<void (*)(io_event&)> on_event{nullptr};

  std::atomic<int> threads_made{0};
  std::atomic<int> threads_refused_from{INT_MAX};

  std::atomic<int> signals_refused{0};  // that many more find the queue full
};

extern Faults faults;
void install_faults();

}  // namespace fault
