// SPDX-License-Identifier: MIT
#pragma once

#include "engines/io_engine.h"
#include "loads/load.h"
#include "stats/measurement.h"

#include <cstdint>
#include <functional>
#include <string>

namespace aio_bench {

// What was done since the sample before, of all jobs.
struct Sample {
  double interval_seconds = 0;
  double seconds_so_far = 0;  // since the measurement began, ramp-up included
  std::uint64_t io_count = 0;
  std::uint64_t byte_count = 0;
  double mean_latency_ns = 0;
  std::int64_t greatest_latency_ns = 0;
  bool is_last = false;
};

// One measurement.
struct LoadPlan {
  std::string engine_name;
  Notify notify = Notify::suspend;
  Load load;
  BlockSize block;
  bool once = false;  // see IoSequence
  int fd = -1;
  std::uint64_t area_bytes = 0;
  unsigned depth = 1;
  unsigned batch = 1;  // I/Os that one call submits at most; see IoEngine::submit
  unsigned job_count = 1;
  unsigned vector_count = 1;
  unsigned fsync_every = 0;  // writes; 0: never
  Pace pace;
  double seconds = 0;              // 0: until the amount is done
  std::uint64_t amount_bytes = 0;  // 0: until the time is over
  double ramp_up_seconds = 0;      // runs before, and is left out of every figure
  std::uint64_t seed = 0;

  // Called on the thread of the first job, about that often.
  double sample_interval_seconds = 0;
  std::function<void(const Sample&)> on_sample{};
};

// One measurement: all jobs of the plan, started together. Throws RunError when
// the engine cannot run here or an I/O fails.
Measurement run_load(const LoadPlan& plan);

}  // namespace aio_bench
