// SPDX-License-Identifier: MIT
#include "loads/run_load.h"

#include "base/clock.h"
#include "base/errors.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "loads/job.h"

#include <algorithm>
#include <exception>
#include <latch>
#include <mutex>
#include <system_error>
#include <thread>

namespace aio_bench {

namespace {

class LoadRun final : public JobObserver {
 public:
  explicit LoadRun(const LoadPlan& plan)
      : plan_(plan), counters_(plan.job_count), failures_(plan.job_count),
        are_made_(plan.job_count) {}

  Measurement run() {
    const bool is_kaio = plan_.engine_name == "kaio";
    const KaioStatistics before = is_kaio ? kaio_statistics_now() : KaioStatistics{};
    std::vector<std::thread> threads;
    try {
      for (unsigned number = 1; number < plan_.job_count; ++number)
        threads.emplace_back([this, number] { run_job(number); });
    } catch (const std::system_error& error) {
      // Those that run wait for all to be there: this one, and the missing ones.
      const std::string advice = thread_advice();
      stop_ = true;
      are_made_.count_down(static_cast<std::ptrdiff_t>(plan_.job_count - threads.size()));
      for (std::thread& thread : threads) thread.join();
      throw RunError("--jobs: so many threads cannot be started: " +
                     error_text(error.code().value()) + advice);
    }
    run_job(0);
    for (std::thread& thread : threads) thread.join();
    for (const std::exception_ptr& failure : failures_)
      if (failure) std::rethrow_exception(failure);
    Measurement measurement = merged();
    if (is_kaio) measurement.kaio_statistics = difference(kaio_statistics_now(), before);
    return measurement;
  }

 private:
  // Engines belong to one thread from beginning to end.
  void run_job(unsigned number) {
    std::unique_ptr<Job> job;
    try {
      job = std::make_unique<Job>(plan_, number, stop_, counters_[number],
                                  number == 0 ? this : nullptr);
    } catch (...) {
      fail(number);
    }
    are_made_.arrive_and_wait();
    if (job == nullptr) return;
    try {
      if (number == 0) begin_ns_ = last_sample_ns_ = now_ns();
      job->run(number == 0 ? begin_ns_ : now_ns());
    } catch (...) {
      fail(number);
    }
    add_up(*job);
    // What is in flight still owns its buffers: the process ends with them.
    if (job->in_flight() > 0) (void)job.release();
  }

  void fail(unsigned number) {
    failures_[number] = std::current_exception();
    stop_ = true;
  }

  void add_up(const Job& job) {
    const JobFigures& figures = job.figures();
    const double seconds =
        static_cast<double>(figures.counted_to_ns - figures.counted_from_ns) / 1e9;
    std::lock_guard lock(mutex_);
    sum_.elapsed_seconds = std::max(sum_.elapsed_seconds, seconds);
    sum_.io_count += figures.io_count;
    sum_.byte_count += figures.byte_count;
    sum_.sync_count += figures.sync_count;
    sum_.eagain_count += figures.eagain_count;
    sum_.retry_count += figures.retry_count;
    sum_.latencies.merge(figures.latencies);
    if (seconds > 0) {
      sum_.io_per_second += static_cast<double>(figures.io_count) / seconds;
      sum_.bytes_per_second += static_cast<double>(figures.byte_count) / seconds;
    }
    if (figures.system_call_count)
      engine_system_calls_ = engine_system_calls_.value_or(0) + *figures.system_call_count;
  }

  Measurement merged() {
    sum_.usage = usage_after_.since(usage_before_);
    if (!sum_.usage.system_call_count) sum_.usage.system_call_count = engine_system_calls_;
    sum_.is_complete = !interrupted() && sum_.elapsed_seconds > 0;
    return std::move(sum_);
  }

  void counting_begins() override { usage_before_ = Usage::now(); }
  void counting_ends() override { usage_after_ = Usage::now(); }

  std::int64_t first_tick_ns() const override { return begin_ns_ + interval_ns(); }

  std::int64_t tick(std::int64_t now) override {
    take_sample(now, false);
    return now + interval_ns();
  }

  void last_tick(std::int64_t now) override {
    if (plan_.on_sample && now > last_sample_ns_) take_sample(now, true);
  }

  void take_sample(std::int64_t now, bool is_last) {
    Sample sample{.interval_seconds = static_cast<double>(now - last_sample_ns_) / 1e9,
                  .seconds_so_far = static_cast<double>(now - begin_ns_) / 1e9,
                  .is_last = is_last};
    std::uint64_t io_count = 0, byte_count = 0, latency_sum_ns = 0;
    for (JobCounters& counters : counters_) {
      io_count += counters.io_count;
      byte_count += counters.byte_count;
      latency_sum_ns += counters.latency_sum_ns;
      sample.greatest_latency_ns =
          std::max(sample.greatest_latency_ns, counters.greatest_latency_ns.exchange(0));
    }
    sample.io_count = io_count - last_io_count_;
    sample.byte_count = byte_count - last_byte_count_;
    if (sample.io_count > 0)
      sample.mean_latency_ns = static_cast<double>(latency_sum_ns - last_latency_sum_ns_) /
                               static_cast<double>(sample.io_count);
    last_sample_ns_ = now;
    last_io_count_ = io_count;
    last_byte_count_ = byte_count;
    last_latency_sum_ns_ = latency_sum_ns;
    plan_.on_sample(sample);
  }

  std::int64_t interval_ns() const noexcept {
    return plan_.on_sample ? static_cast<std::int64_t>(plan_.sample_interval_seconds * 1e9)
                           : INT64_C(1) << 62;
  }

  const LoadPlan& plan_;
  std::vector<JobCounters> counters_;
  std::vector<std::exception_ptr> failures_;
  std::latch are_made_;
  std::atomic<bool> stop_{false};

  // Of the first job's thread.
  Usage usage_before_, usage_after_;
  std::int64_t begin_ns_ = 0;
  std::int64_t last_sample_ns_ = 0;
  std::uint64_t last_io_count_ = 0, last_byte_count_ = 0, last_latency_sum_ns_ = 0;

  std::mutex mutex_;
  Measurement sum_;                                   // guarded by mutex_
  std::optional<std::uint64_t> engine_system_calls_;  // guarded by mutex_
};

}  // namespace

Measurement run_load(const LoadPlan& plan) { return std::make_unique<LoadRun>(plan)->run(); }

}  // namespace aio_bench
