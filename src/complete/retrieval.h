// SPDX-License-Identifier: MIT
// Finished requests whose result nobody has taken yet, for aio_waitcomplete().
//
// A finished request stays allocated until aio_return() or aio_waitcomplete()
// takes its result: Request::claim decides between the two, exactly once. Programs
// that do neither lose the oldest after limits::unclaimed_max, until the first call
// of aio_waitcomplete() in the process says that somebody does want them all.
#pragma once

#include "request/request_stack.h"
#include "request/requests.h"
#include "sys/mutex.h"

namespace kaio {

namespace limits {
inline constexpr std::uint32_t unclaimed_max = 1024;
}  // namespace limits

class Retrieval {
 public:
  explicit Retrieval(Requests& requests) noexcept : requests_(requests) {}

  // A finished request of which nothing but its result is left. Never waits.
  void retain_or_free(Request& request) noexcept {
    std::uint32_t free_claim = Requests::generation_of(request) | claim::none;
    if (!request.claim.compare_exchange_strong(free_claim, free_claim | claim::retained)) {
      requests_.free(request);  // aio_return() was faster
    } else {
      count_.fetch_add(1, std::memory_order_relaxed);
      retained_.push(request);
    }
    ended_.fetch_add(1, std::memory_order_seq_cst);
    trim();
  }

  // The result of that life of the slot has been taken, or its aiocb is used again.
  // `cell` is that of the aiocb which says so.
  void taken(std::uint32_t slot, std::uint32_t generation, const StatusCell& cell) noexcept {
    Request* request = requests_.find(slot, generation);
    if (request == nullptr || request->cell != &cell) return;
    for (std::uint32_t now : {generation | claim::retained, generation | claim::none})
      if (request->claim.compare_exchange_strong(now, generation | claim::taken)) break;
    trim();
  }

  // How many requests ever came here: their results are to be had, or were.
  std::uint64_t ended_count() const noexcept { return ended_.load(std::memory_order_seq_cst); }

  // The oldest result nobody has taken; its request becomes the caller's, who
  // frees it. Null: there is none.
  Request* next() noexcept EXCLUDES(mutex_) {
    all_wanted_.store(true, std::memory_order_relaxed);
    sys::MutexLock lock(mutex_);
    while (Request* request = front()) {
      pop();
      if (claim_for_us(*request)) return request;
      requests_.free(*request);
    }
    return nullptr;
  }

 private:
  // Frees, from the front, what was taken, and what is too much. Whoever finds the
  // lock taken leaves it to the next.
  void trim() noexcept {
    if (!mutex_.try_lock()) return;
    while (Request* request = front()) {
      const bool was_taken =
          (request->claim.load(std::memory_order_acquire) & claim::mask) == claim::taken;
      const bool too_many = !all_wanted_.load(std::memory_order_relaxed) &&
                            count_.load(std::memory_order_relaxed) > limits::unclaimed_max;
      if (!was_taken && !too_many) break;
      pop();
      requests_.free(*request);
    }
    mutex_.unlock();
  }

  static bool claim_for_us(Request& request) noexcept {
    std::uint32_t retained = Requests::generation_of(request) | claim::retained;
    return request.claim.compare_exchange_strong(retained,
                                                 Requests::generation_of(request) | claim::taken);
  }

  Request* front() noexcept REQUIRES(mutex_) {
    if (queue_ == nullptr) queue_ = retained_.take_in_order();
    return static_cast<Request*>(queue_);
  }
  void pop() noexcept REQUIRES(mutex_) {
    queue_ = queue_->next;
    count_.fetch_sub(1, std::memory_order_relaxed);
  }

  Requests& requests_;
  NotifiableStack retained_;
  std::atomic<std::uint64_t> ended_{0};
  std::atomic<std::uint32_t> count_{0};
  std::atomic<bool> all_wanted_{false};
  sys::Mutex mutex_;
  Notifiable* queue_ GUARDED_BY(mutex_) = nullptr;  // oldest first
};

}  // namespace kaio
