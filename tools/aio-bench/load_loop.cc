// SPDX-License-Identifier: MIT
#include "load_loop.h"

#include "aligned_buffer.h"
#include "clock.h"
#include "engines.h"
#include "errors.h"
#include "interrupt.h"
#include "offsets.h"

#include <fmt/format.h>
#include <sys/resource.h>

namespace aio_bench {

namespace {

constexpr std::size_t page_bytes = 4096;

double cpu_seconds_so_far() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class LoadLoop {
 public:
  explicit LoadLoop(const LoadPlan& plan)
      : plan_(plan),
        offsets_(plan.load, plan.once, plan.area_bytes, plan.block_bytes, plan.seed),
        stride_bytes_((plan.block_bytes + page_bytes - 1) / page_bytes * page_bytes),
        buffer_(stride_bytes_ * plan.depth, plan.seed),
        transfers_(plan.depth) {
    for (unsigned slot = 0; slot < plan.depth; ++slot) {
      transfers_[slot].buffer = buffer_.data() + slot * stride_bytes_;
      free_.push_back(slot);
    }
    engine_ = make_engine(plan.engine_name, plan.notify,
                          {.fd = plan.fd, .is_write = plan.load.is_write,
                           .block_bytes = plan.block_bytes, .transfers = transfers_,
                           .submit_ns = measurement_.submit_ns});
  }

  Measurement run() {
    const std::int64_t begin_ns = now_ns();
    const std::int64_t ramp_up_ends_ns = begin_ns + nanoseconds(plan_.ramp_up_seconds);
    std::int64_t started_ns = 0;  // of what counts; 0 while ramping up
    double cpu_before = 0;
    std::int64_t now = begin_ns;
    while (!interrupted()) {
      if (started_ns == 0 && now >= ramp_up_ends_ns) {
        start_over();
        cpu_before = cpu_seconds_so_far();
        started_ns = now;
      }
      // From when it really started: a stall may have made the ramp-up longer.
      if (started_ns != 0 && now >= started_ns + nanoseconds(plan_.seconds)) break;
      if (!keep_full()) break;
      now = take_completions();
    }
    measurement_.elapsed_seconds = static_cast<double>(now - started_ns) / 1e9;
    measurement_.cpu_seconds = cpu_seconds_so_far() - cpu_before;
    measurement_.is_complete = !interrupted();
    Measurement finished = measurement_;
    while (in_flight_ > 0) take_completions();
    return finished;
  }

  unsigned in_flight() const noexcept { return in_flight_; }

 private:
  static std::int64_t nanoseconds(double seconds) {
    return static_cast<std::int64_t>(seconds * 1e9);
  }

  void start_over() {
    measurement_.latency_ns.reset();
    measurement_.submit_ns.reset();
    measurement_.io_count = 0;
  }

  // False when there is nothing left to do.
  bool keep_full() {
    while (!free_.empty()) {
      const auto offset = offsets_.next();
      if (!offset) break;
      transfers_[free_.back()].offset_bytes = *offset;
      prepared_.push_back(free_.back());
      free_.pop_back();
    }
    if (!prepared_.empty()) {
      const std::size_t accepted = engine_->submit(prepared_);
      in_flight_ += static_cast<unsigned>(accepted);
      prepared_.erase(prepared_.begin(), prepared_.begin() + static_cast<std::ptrdiff_t>(accepted));
    }
    if (in_flight_ == 0 && !prepared_.empty())
      throw RunError(fmt::format("{}: EAGAIN although nothing is in flight: out of memory, threads "
                                 "or kernel AIO contexts", plan_.engine_name));
    return in_flight_ > 0;
  }

  std::int64_t take_completions() {
    completions_.clear();
    engine_->wait(completions_);
    const std::int64_t now = now_ns();
    in_flight_ -= static_cast<unsigned>(completions_.size());
    for (const auto& completion : completions_) {
      check(completion);
      measurement_.latency_ns.record(now - transfers_[completion.slot].started_ns);
      ++measurement_.io_count;
      free_.push_back(completion.slot);
    }
    return now;
  }

  void check(const Completion& completion) const {
    if (completion.result == static_cast<std::int64_t>(plan_.block_bytes)) return;
    const std::string what =
        completion.result < 0
            ? error_text(static_cast<int>(-completion.result))
            : fmt::format("only {} of {} bytes", completion.result, plan_.block_bytes);
    throw RunError(fmt::format("{}: {} at offset {} failed: {}", plan_.engine_name,
                               plan_.load.is_write ? "write" : "read",
                               transfers_[completion.slot].offset_bytes, what));
  }

  const LoadPlan& plan_;
  Offsets offsets_;
  const std::size_t stride_bytes_;
  AlignedBuffer buffer_;
  std::vector<Transfer> transfers_;
  std::vector<unsigned> free_;
  std::vector<unsigned> prepared_;  // have an offset, wait to be accepted
  std::vector<Completion> completions_;
  Measurement measurement_;
  std::unique_ptr<Engine> engine_;
  unsigned in_flight_ = 0;
};

}  // namespace

Measurement run_load(const LoadPlan& plan) {
  auto loop = std::make_unique<LoadLoop>(plan);
  try {
    return loop->run();
  } catch (...) {
    // What is in flight still owns its buffers: the process ends with them.
    if (loop->in_flight() > 0) (void)loop.release();
    throw;
  }
}

}  // namespace aio_bench
