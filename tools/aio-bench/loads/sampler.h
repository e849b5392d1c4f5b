// SPDX-License-Identifier: MIT
#pragma once

#include "base/clock.h"
#include "loads/run_load.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

namespace aio_bench {

// Written by one job, read by the first one, which tells of the progress of all.
struct JobCounters {
  std::atomic<std::uint64_t> io_count{0};
  std::atomic<std::uint64_t> byte_count{0};
  std::atomic<std::uint64_t> latency_sum_ns{0};
  std::atomic<std::int64_t> greatest_latency_ns{0};  // since the last look, which zeroes it

  void add(std::uint64_t bytes, std::int64_t latency_ns) noexcept {
    constexpr auto relaxed = std::memory_order_relaxed;
    io_count.store(io_count.load(relaxed) + 1, relaxed);
    byte_count.store(byte_count.load(relaxed) + bytes, relaxed);
    latency_sum_ns.store(latency_sum_ns.load(relaxed) + static_cast<std::uint64_t>(latency_ns),
                         relaxed);
    if (latency_ns > greatest_latency_ns.load(relaxed))
      greatest_latency_ns.store(latency_ns, relaxed);
  }
};

// What a run uses and does meanwhile. All but the counters belong to the first job's thread.
class Sampler {
 public:
  explicit Sampler(const LoadPlan& plan) : counters(plan.job_count), plan_(plan) {}

  std::vector<JobCounters> counters;  // of each job

  void begin(std::int64_t now) noexcept {
    begin_ns_ = last_ns_ = now;
    schedule(now);
  }

  // Of the time that counts: behind the ramp-up.
  void counting_begins() { usage_before_ = Usage::now(); }
  void counting_ends(std::int64_t now) {
    usage_after_ = Usage::now();
    if (plan_.on_sample && now > last_ns_) tell(now, true);
  }
  Usage usage() const noexcept { return usage_after_.since(usage_before_); }

  // When the next sample is due.
  std::int64_t next_ns() const noexcept { return next_ns_; }
  void take(std::int64_t now) {
    tell(now, false);
    schedule(now);
  }

 private:
  void schedule(std::int64_t now) noexcept {
    if (plan_.on_sample)
      next_ns_ = now + static_cast<std::int64_t>(plan_.sample_interval_seconds * 1e9);
  }

  void tell(std::int64_t now, bool is_last) {
    Sample sample{.interval_seconds = static_cast<double>(now - last_ns_) / 1e9,
                  .seconds_so_far = static_cast<double>(now - begin_ns_) / 1e9,
                  .io_count = 0 - last_io_count_,
                  .byte_count = 0 - last_byte_count_,
                  .is_last = is_last};
    std::uint64_t latency_sum_ns = 0 - last_latency_sum_ns_;
    for (JobCounters& job : counters) {
      sample.io_count += job.io_count;
      sample.byte_count += job.byte_count;
      latency_sum_ns += job.latency_sum_ns;
      sample.greatest_latency_ns =
          std::max(sample.greatest_latency_ns, job.greatest_latency_ns.exchange(0));
    }
    if (sample.io_count > 0)
      sample.mean_latency_ns =
          static_cast<double>(latency_sum_ns) / static_cast<double>(sample.io_count);
    last_ns_ = now;
    last_io_count_ += sample.io_count;
    last_byte_count_ += sample.byte_count;
    last_latency_sum_ns_ += latency_sum_ns;
    plan_.on_sample(sample);
  }

  const LoadPlan& plan_;
  Usage usage_before_, usage_after_;
  std::int64_t begin_ns_ = 0, last_ns_ = 0;
  std::int64_t next_ns_ = IoEngine::no_deadline;
  std::uint64_t last_io_count_ = 0, last_byte_count_ = 0, last_latency_sum_ns_ = 0;
};

}  // namespace aio_bench
