// SPDX-License-Identifier: MIT
// preadv2 and pwritev2 on a pool of threads. What no thread has taken yet can be
// cancelled.
#include "base/errors.h"
#include "base/limits.h"
#include "verify/transfer_now.h"
#include "verify/verify_engines.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <fmt/format.h>
#include <mutex>
#include <pthread.h>
#include <system_error>
#include <thread>

namespace aio_bench {

namespace {

// Fewer than the depth, so that there is a queue to cancel from.
constexpr unsigned most_threads = 8;

class ThreadsVerifyEngine final : public VerifyEngine {
 public:
  ThreadsVerifyEngine(int fd, unsigned depth) : fd_(fd), requests_(depth) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::string refusal;
    try {
      for (unsigned i = 0; i < std::min(depth, most_threads); ++i)
        threads_.emplace_back([this] { work(); });
    } catch (const std::system_error& error) {
      refusal = fmt::format("threads: only {} of {} threads could be started: {}{}",
                            threads_.size(), std::min(depth, most_threads),
                            error_text(error.code().value()), thread_advice());
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    // One is enough; with none nothing would ever be done.
    if (threads_.empty()) throw RunError(refusal);
  }

  ~ThreadsVerifyEngine() override {
    {
      const std::scoped_lock lock(mutex_);
      is_ending_ = true;
    }
    has_work_.notify_all();
    for (auto& thread : threads_) thread.join();
  }
  ThreadsVerifyEngine(const ThreadsVerifyEngine&) = delete;
  ThreadsVerifyEngine& operator=(const ThreadsVerifyEngine&) = delete;

  bool submit(unsigned slot, const VerifyRequest& request) override {
    {
      const std::scoped_lock lock(mutex_);
      requests_[slot] = request;
      queue_.push_back(slot);
    }
    has_work_.notify_one();
    return true;
  }

  void cancel(unsigned slot) override {
    const std::scoped_lock lock(mutex_);
    if (std::erase(queue_, slot) != 0) done_.push_back({.slot = slot, .result = -ECANCELED});
  }

  void wait(std::vector<VerifyCompletion>& completions) override {
    std::unique_lock lock(mutex_);
    if (!has_done_.wait_for(lock, std::chrono::nanoseconds(patience_ns),
                            [this] { return !done_.empty(); }))
      throw RunError("threads: nothing completed");
    completions.insert(completions.end(), done_.begin(), done_.end());
    done_.clear();
  }

 private:
  void work() {
    pthread_setname_np(pthread_self(), "verify-io");
    std::unique_lock lock(mutex_);
    for (;;) {
      has_work_.wait(lock, [this] { return is_ending_ || !queue_.empty(); });
      if (is_ending_) return;
      const unsigned slot = queue_.front();
      queue_.pop_front();
      const VerifyRequest request = requests_[slot];
      lock.unlock();
      const std::int64_t result = transfer_now(fd_, request);
      lock.lock();
      done_.push_back({.slot = slot, .result = result});
      has_done_.notify_one();
    }
  }

  const int fd_;
  std::mutex mutex_;  // guards all below but the threads
  std::condition_variable has_work_, has_done_;
  std::vector<VerifyRequest> requests_;
  std::deque<unsigned> queue_;
  std::vector<VerifyCompletion> done_;
  bool is_ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<VerifyEngine> make_threads_verify_engine(int fd, unsigned depth) {
  return std::make_unique<ThreadsVerifyEngine>(fd, depth);
}

}  // namespace aio_bench
