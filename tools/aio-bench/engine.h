// SPDX-License-Identifier: MIT
// What an engine has to do. The load loop knows nothing else of it: it hands
// over transfers by their slot, and gets slots back as they complete.
#pragma once

#include "histogram.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace aio_bench {

// One of the places that the queue depth allows, used for one I/O after another.
struct Transfer {
  std::byte* buffer = nullptr;
  std::int64_t offset_bytes = 0;
  std::int64_t started_ns = 0;  // set by the engine, just before the call that submits it
};

struct Completion {
  unsigned slot = 0;
  std::int64_t result = 0;  // bytes, or a negative error number
};

// Everything an engine is made with; all of it outlives the engine.
struct EngineSetup {
  int fd = -1;
  bool is_write = false;
  std::size_t block_bytes = 0;
  std::span<Transfer> transfers;
  Histogram& submit_ns;  // one value for each submitting call
};

// Made for one measurement, on the thread that uses it, and destroyed when
// nothing is in flight any more.
class Engine {
 public:
  virtual ~Engine() = default;

  // Submits transfers in the order of `slots`. Returns how many were accepted;
  // fewer than all means EAGAIN: try again after a completion. Throws RunError
  // on any other refusal.
  virtual std::size_t submit(std::span<const unsigned> slots) = 0;

  // Waits for at least one completion and appends all that are known. May append
  // none when a signal handler ran. Throws RunError when nothing comes for
  // `patience_ns`: then requests are still in flight.
  virtual void wait(std::vector<Completion>& completions) = 0;

  // Far more than any device takes; an engine that is silent for so long hangs.
  static constexpr std::int64_t patience_ns = INT64_C(10'000'000'000);
};

}  // namespace aio_bench
