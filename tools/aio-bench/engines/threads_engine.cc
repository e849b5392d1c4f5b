// SPDX-License-Identifier: MIT
// What programs do that want no asynchronous I/O: a thread pool, each thread of
// which is inside preadv2() or pwritev2() most of the time.
#include "base/clock.h"
#include "base/errors.h"
#include "base/limits.h"
#include "engines/blocking_call.h"
#include "engines/blocking_engines.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <fmt/format.h>
#include <mutex>
#include <system_error>
#include <thread>

namespace aio_bench {

namespace {

class ThreadsEngine final : public Engine {
 public:
  explicit ThreadsEngine(const EngineSetup& setup) : setup_(setup) {
    const std::size_t count = setup.transfers.size();
    try {
      while (threads_.size() < count) threads_.emplace_back([this] { work(); });
    } catch (const std::system_error& error) {
      const std::size_t started_count = threads_.size();
      const std::string advice = thread_advice();  // while they are still there
      end();
      throw RunError(fmt::format("threads: only {} of {} threads could be started: {}{}",
                                 started_count, count, error_text(error.code().value()), advice));
    }
  }

  ~ThreadsEngine() override { end(); }
  ThreadsEngine(const ThreadsEngine&) = delete;
  ThreadsEngine& operator=(const ThreadsEngine&) = delete;

  std::size_t submit(std::span<const unsigned> slots) override {
    std::int64_t before_ns = now_ns();
    for (const unsigned slot : slots) {
      setup_.transfers[slot].started_ns = before_ns;
      {
        std::lock_guard lock(mutex_);
        queued_.push_back(slot);
      }
      has_work_.notify_one();
      setup_.transfers[slot].accepted_ns = before_ns = now_ns();
    }
    return slots.size();
  }

  void wait(std::vector<Completion>& completions, std::int64_t deadline_ns) override {
    const std::int64_t begin_ns = now_ns();
    const std::int64_t until_ns = std::min(deadline_ns, begin_ns + patience_ns);
    std::unique_lock lock(mutex_);
    const std::chrono::nanoseconds timeout(std::max<std::int64_t>(until_ns - begin_ns, 0));
    has_done_.wait_for(lock, timeout, [this] { return !done_.empty(); });
    completions.insert(completions.end(), done_.begin(), done_.end());
    done_.clear();
    if (completions.empty() && now_ns() - begin_ns >= patience_ns)
      throw RunError("threads: nothing completed");
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      has_work_.wait(lock, [this] { return !queued_.empty() || is_ending_; });
      if (queued_.empty()) return;
      const unsigned slot = queued_.front();
      queued_.pop_front();
      lock.unlock();
      const std::int64_t result = carry_out(setup_.fd, setup_.transfers[slot]);
      lock.lock();
      done_.push_back({.slot = slot, .result = result});
      if (done_.size() == 1) has_done_.notify_one();
    }
  }

  void end() {
    {
      std::lock_guard lock(mutex_);
      is_ending_ = true;
    }
    has_work_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  EngineSetup setup_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable has_work_;
  std::condition_variable has_done_;
  std::deque<unsigned> queued_;   // guarded by mutex_
  std::vector<Completion> done_;  // guarded by mutex_
  bool is_ending_ = false;        // guarded by mutex_
};

}  // namespace

std::unique_ptr<Engine> make_threads_engine(const EngineSetup& setup) {
  return std::make_unique<ThreadsEngine>(setup);
}

}  // namespace aio_bench
