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
struct LoadPlan : Case, LoadSettings {
  bool once = false;  // see IoSequence
  int fd = -1;
  std::uint64_t area_bytes = 0;
  std::uint64_t seed = 0;

  // Called on the thread of the first job, about that often.
  double sample_interval_seconds = 0;
  std::function<void(const Sample&)> on_sample{};
};

// One measurement: all jobs of the plan, started together. Throws RunError when
// the engine cannot run here or an I/O fails.
Measurement run_load(const LoadPlan& plan);

}  // namespace aio_bench
