// SPDX-License-Identifier: MIT
// One measurement: a queue depth kept full for some time.
#pragma once

#include "engine.h"
#include "histogram.h"
#include "load.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace aio_bench {

struct LoadPlan {
  std::string engine_name;
  Notify notify = Notify::suspend;
  Load load;
  bool once = false;  // see Offsets
  int fd = -1;
  std::uint64_t area_bytes = 0;
  std::size_t block_bytes = 0;
  unsigned depth = 1;
  double seconds = 1;
  double ramp_up_seconds = 0;  // runs before, and is left out of every figure
  std::uint64_t seed = 0;
};

struct Measurement {
  std::uint64_t io_count = 0;
  double elapsed_seconds = 0;
  double cpu_seconds = 0;  // user and system, of all threads of the process
  Histogram latency_ns;    // from before the submitting call until the program knows
  Histogram submit_ns;     // of each submitting call
  bool is_complete = false;  // not cut short by Ctrl-C
};

// Throws RunError when the engine cannot run here or an I/O fails. `once` may
// end it early.
Measurement run_load(const LoadPlan& plan);

}  // namespace aio_bench
