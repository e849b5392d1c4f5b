// SPDX-License-Identifier: MIT
#include "pool/pool.h"

#include <algorithm>

#include "sys/thread.h"

namespace kaio {

bool Pool::submit(Request& request) noexcept {
  bool wake = false;
  {
    sys::MutexLock lock(mutex_);
    if (threads_ == 0) {
      // Under the lock: a second submitter shall find the thread, or fail too.
      if (!start_worker()) return false;
      ++threads_;
    }
    request.move_to(RequestState::queued);
    queues_[request.operation.priority].push_back(request);
    ++queued_;
    wake = idle_ != 0;
    jobs_.fetch_add(1, std::memory_order_relaxed);  // ordered by the mutex
  }
  if (wake) sys::futex_wake(&jobs_, 1);
  return true;
}

bool Pool::remove(Request& request) noexcept {
  sys::MutexLock lock(mutex_);
  if (request.state.load(std::memory_order_acquire) != RequestState::queued) return false;
  queues_[request.operation.priority].erase(request);
  --queued_;
  request.move_to(RequestState::starting);
  return true;
}

void Pool::configure(unsigned threads_max, std::int64_t idle_ns) noexcept {
  sys::MutexLock lock(mutex_);
  threads_max_ = std::clamp(threads_max, 1u, limits::pool_threads_max);
  idle_ns_ = idle_ns;
}

Request* Pool::take() noexcept {
  if (queued_ == 0) return nullptr;
  for (RequestQueue& queue : queues_) {
    Request* request = queue.pop_front();
    if (request == nullptr) continue;
    --queued_;
    request->move_to(RequestState::running);
    return request;
  }
  return nullptr;
}

bool Pool::start_worker() noexcept {
  if (sys::start_thread([](void* self) -> void* { static_cast<Pool*>(self)->run(); return nullptr; },
                        this) != 0)
    return false;
  statistics_.count(Count::threads_started);
  return true;
}

void Pool::run() {
  sys::name_this_thread("kaio-pool");
  mutex_.lock();
  for (;;) {
    if (Request* request = take()) {
      const bool want_another = idle_ == 0 && threads_ < threads_max_;
      if (want_another) ++threads_;
      mutex_.unlock();
      const bool have_another = want_another && start_worker();
      performer_.perform(*request);
      mutex_.lock();
      if (want_another && !have_another) --threads_;  // the next job tries again
      continue;
    }
    const std::uint32_t seen = jobs_.load(std::memory_order_relaxed);
    const sys::Deadline deadline = sys::monotonic_ns() + idle_ns_;
    ++idle_;
    mutex_.unlock();
    const int outcome = sys::futex_wait(jobs_, seen, deadline);
    mutex_.lock();
    --idle_;
    if ((outcome == ETIMEDOUT || threads_ > threads_max_) && queued_ == 0) break;
  }
  --threads_;
  mutex_.unlock();
  statistics_.count(Count::threads_ended);
}

}  // namespace kaio
