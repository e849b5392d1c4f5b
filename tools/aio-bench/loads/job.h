// SPDX-License-Identifier: MIT
#pragma once

#include "base/aligned_buffer.h"
#include "loads/arrivals.h"
#include "loads/io_sequence.h"
#include "loads/sampler.h"

#include <atomic>
#include <memory>
#include <vector>

namespace aio_bench {

struct JobFigures : Work {
  std::optional<std::uint64_t> system_call_count;
  Latencies latencies;
};

// One thread that keeps a queue full: the loop around an engine. Made, run and
// destroyed on that thread.
class Job {
 public:
  // Throws RunError. `stop` ends it early. The first job, number 0, takes the samples.
  Job(const LoadPlan& plan, unsigned number, const std::atomic<bool>& stop, Sampler& sampler);

  // Until the time is over or the amount done, and nothing is in flight. The
  // figures are those of the time after the ramp-up.
  void run(std::int64_t begin_ns);

  const JobFigures& figures() const noexcept { return figures_; }
  unsigned in_flight() const noexcept { return in_flight_; }

 private:
  void begin_counting(std::int64_t now_ns);
  void end_counting(std::int64_t now_ns);
  std::int64_t next_event_ns() const noexcept;
  void fill_queue(std::int64_t now_ns);
  bool prepare(unsigned slot, std::int64_t now_ns);
  void cut_into_pieces(unsigned slot) noexcept;
  void submit_prepared();
  std::int64_t take_completions(std::int64_t deadline_ns);
  void account(const Completion& completion, std::int64_t now_ns);
  void check(const Completion& completion) const;

  const LoadPlan& plan_;
  const unsigned number_;
  const std::atomic<bool>& stop_;
  JobCounters& counters_;
  Sampler* const sampler_;  // of the first job
  const std::size_t stride_bytes_;
  const std::uint64_t amount_bytes_;  // of this job; 0: by time
  IoSequence sequence_;
  AlignedBuffer buffer_;
  std::vector<Transfer> transfers_;
  std::vector<iovec> pieces_;              // of slot s: from s * vector_count
  std::vector<std::int64_t> intended_ns_;  // 0: when it is submitted
  std::vector<char> was_refused_;          // once, since it was accepted last
  std::vector<unsigned> free_;
  std::vector<unsigned> prepared_;  // wait to be accepted
  std::vector<Completion> completions_;
  std::unique_ptr<Arrivals> arrivals_;
  std::unique_ptr<IoEngine> engine_;

  JobFigures figures_;
  unsigned in_flight_ = 0;
  unsigned writes_since_sync_ = 0;
  std::uint64_t begun_bytes_ = 0;
  bool is_exhausted_ = false;
  bool is_counting_ = false;
  std::int64_t counting_begins_ns_ = 0;  // or did begin
  std::int64_t ends_ns_ = IoEngine::no_deadline;
  std::uint64_t system_calls_before_ = 0;
};

}  // namespace aio_bench
