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

class LoadRun {
 public:
  explicit LoadRun(const LoadPlan& plan)
      : plan_(plan), sampler_(plan), failures_(plan.job_count), are_made_(plan.job_count) {}

  Measurement run() {
    const bool is_kaio = plan_.engine_name == "kaio";
    const KaioStatistics before = is_kaio ? kaio_statistics_now() : KaioStatistics{};
    std::vector<std::thread> threads;
    start_others(threads);
    run_job(0);
    for (std::thread& thread : threads) thread.join();
    for (const std::exception_ptr& failure : failures_)
      if (failure) std::rethrow_exception(failure);
    sum_.usage = sampler_.usage();
    if (!sum_.usage.system_call_count) sum_.usage.system_call_count = engine_system_calls_;
    sum_.is_complete = !interrupted() && sum_.elapsed_seconds > 0;
    if (is_kaio) sum_.kaio_statistics = difference(kaio_statistics_now(), before);
    return std::move(sum_);
  }

 private:
  void start_others(std::vector<std::thread>& threads) {
    try {
      try {
        for (unsigned number = 1; number < plan_.job_count; ++number)
          threads.emplace_back([this, number] { run_job(number); });
      } catch (const std::system_error& error) {
        throw RunError("--jobs: so many threads cannot be started: {}{}",
                       error_text(error.code().value()), thread_advice());
      }
    } catch (...) {
      // Those that run wait for all to be there: this one, and the missing ones. That is
      // to end also when there was no memory for the advice.
      stop_ = true;
      are_made_.count_down(static_cast<std::ptrdiff_t>(plan_.job_count - threads.size()));
      for (std::thread& thread : threads) thread.join();
      throw;
    }
  }

  // Engines belong to one thread from beginning to end.
  void run_job(unsigned number) {
    std::unique_ptr<Job> job;
    try {
      job = std::make_unique<Job>(plan_, number, stop_, sampler_);
    } catch (...) {
      fail(number);
    }
    are_made_.arrive_and_wait();
    if (job == nullptr) return;
    try {
      const std::int64_t begin_ns = now_ns();
      if (number == 0) sampler_.begin(begin_ns);
      job->run(begin_ns);
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
    std::lock_guard lock(mutex_);
    sum_.add(figures);
    sum_.latencies.merge(figures.latencies);
    if (figures.system_call_count)
      engine_system_calls_ = engine_system_calls_.value_or(0) + *figures.system_call_count;
  }

  const LoadPlan& plan_;
  Sampler sampler_;
  std::vector<std::exception_ptr> failures_;
  std::latch are_made_;
  std::atomic<bool> stop_{false};

  std::mutex mutex_;
  Measurement sum_;                                   // guarded by mutex_
  std::optional<std::uint64_t> engine_system_calls_;  // guarded by mutex_
};

}  // namespace

Measurement run_load(const LoadPlan& plan) { return std::make_unique<LoadRun>(plan)->run(); }

}  // namespace aio_bench
