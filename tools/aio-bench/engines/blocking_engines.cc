// SPDX-License-Identifier: MIT
// No asynchronous I/O at all: what everything else has to be better than.
#include "base/clock.h"
#include "base/limits.h"
#include "engines/make_engine.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <pthread.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace aio_bench {

namespace {

// Carries the transfer out in one system call: bytes, or a negative error number.
std::int64_t carry_out(int fd, const Transfer& transfer) noexcept {
  const iovec whole{.iov_base = transfer.buffer, .iov_len = transfer.size_bytes};
  const std::span<const iovec> pieces =
      transfer.pieces.empty() ? std::span(&whole, 1) : transfer.pieces;
  const int count = static_cast<int>(pieces.size());
  const ssize_t result = transfer.operation == Operation::sync ? ::fsync(fd)
                         : transfer.operation == Operation::write
                             ? ::pwritev2(fd, pieces.data(), count, transfer.offset_bytes, 0)
                             : ::preadv2(fd, pieces.data(), count, transfer.offset_bytes, 0);
  return result < 0 ? -errno : result;
}

void move_to_end(std::vector<Completion>& from, std::vector<Completion>& to) {
  to.insert(to.end(), from.begin(), from.end());
  from.clear();
}

// preadv2() and pwritev2() inside submit(): one after the other.
class Preadv2Engine final : public IoEngine {
 public:
  explicit Preadv2Engine(const EngineSetup& setup) : setup_(setup) {}

  std::size_t submit(std::span<const unsigned> slots) override {
    for (const unsigned slot : slots) {
      Transfer& transfer = setup_.transfers[slot];
      transfer.started_ns = now_ns();
      const std::int64_t result = carry_out(setup_.fd, transfer);
      ++system_call_count_;
      transfer.accepted_ns = now_ns();
      done_.push_back({.slot = slot, .result = result});
    }
    return slots.size();
  }

  void wait(std::vector<Completion>& completions, std::int64_t) override {
    move_to_end(done_, completions);
  }

  std::optional<std::uint64_t> system_call_count() const override { return system_call_count_; }

 private:
  EngineSetup setup_;
  std::vector<Completion> done_;
  std::uint64_t system_call_count_ = 0;
};

// What programs do that want no asynchronous I/O: a pool with a thread for each I/O that
// the depth allows, which is inside preadv2() or pwritev2() most of the time.
class ThreadsEngine final : public IoEngine {
 public:
  explicit ThreadsEngine(const EngineSetup& setup) : setup_(setup) {
    // What is to be cancelled has to wait for a thread first.
    constexpr std::size_t most_that_leave_a_queue = 8;
    std::size_t count = setup.transfers.size();
    if (setup.cancels) count = std::min(count, most_that_leave_a_queue);
    try {
      try {
        while (threads_.size() < count) threads_.emplace_back([this] { work(); });
      } catch (const std::system_error& error) {
        // Then there is a queue all the more.
        if (setup.cancels && !threads_.empty()) return;
        throw RunError("threads: only {} of {} threads could be started: {}{}", threads_.size(),
                       count, error_text(error.code().value()), thread_advice());
      }
    } catch (...) {
      end();
      throw;
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
    move_to_end(done_, completions);
    if (completions.empty() && now_ns() - begin_ns >= patience_ns)
      throw RunError("threads: nothing completed");
  }

  void cancel(unsigned slot) override {
    std::lock_guard lock(mutex_);
    if (std::erase(queued_, slot) != 0) done_.push_back({.slot = slot, .result = -ECANCELED});
  }
  bool can_cancel() const noexcept override { return true; }

 private:
  void work() {
    ::pthread_setname_np(::pthread_self(), "bench-io");
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

std::unique_ptr<IoEngine> make_preadv2_engine(const EngineSetup& setup) {
  return std::make_unique<Preadv2Engine>(setup);
}

std::unique_ptr<IoEngine> make_threads_engine(const EngineSetup& setup) {
  return std::make_unique<ThreadsEngine>(setup);
}

}  // namespace aio_bench
