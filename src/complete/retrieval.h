// SPDX-License-Identifier: MIT
// Finished requests whose result nobody has taken yet, for aio_waitcomplete().
//
// A finished request stays allocated until aio_return() or aio_waitcomplete()
// takes its result: Request::claim decides between the two, exactly once. Programs
// that do neither lose the oldest beyond limits::unclaimed_max, until the first call
// of aio_waitcomplete() in the process says that somebody does want them all.
//
// What aio_return() took is freed a batch at a time, by the thread whose request
// fills the batch.
#pragma once

#include <utility>

#include "request/request_stack.h"
#include "request/requests.h"
#include "sys/mutex.h"

namespace kaio {

namespace limits {
inline constexpr std::uint32_t unclaimed_max = 1024;
inline constexpr std::uint32_t retrieval_batch = 32;
}  // namespace limits

class Retrieval {
 public:
  explicit Retrieval(Requests& requests) noexcept : requests_(requests) {}

  // A finished request of which nothing but its result is left. Never waits.
  void retain_or_free(Request& request) noexcept {
    std::uint32_t free_claim = Requests::generation_of(request) | claim::none;
    if (!request.claim.compare_exchange_strong(free_claim, free_claim | claim::retained)) {
      requests_.free(request);  // aio_return() was faster
      return;
    }
    retained_.push(request);
    // Not one atomic step, which would cost more than a count lost now and then: it
    // only says when there is enough to be worth the lock.
    const std::uint32_t count = retained_count_.load(std::memory_order_relaxed) + 1;
    retained_count_.store(count, std::memory_order_relaxed);
    if (count >= limits::retrieval_batch) trim();
  }

  // The result of that life of the slot has been taken, or its aiocb is used again.
  // `cell` is that of the aiocb which says so.
  void taken(std::uint32_t slot, std::uint32_t generation, const StatusCell& cell) noexcept {
    Request* request = requests_.find(slot, generation);
    if (request == nullptr || request->cell != &cell) return;
    std::uint32_t now = generation | claim::retained;
    while (!request->claim.compare_exchange_strong(now, generation | claim::taken))
      if (now != (generation | claim::none) && now != (generation | claim::retained)) return;
  }

  // The oldest result nobody has taken; its request becomes the caller's, who
  // frees it. Null: there is none.
  Request* next() noexcept EXCLUDES(mutex_) {
    sys::MutexLock lock(mutex_);
    if (front_ == nullptr || !all_wanted_) append_new();
    if (!std::exchange(all_wanted_, true)) free_surplus();
    while (front_ != nullptr) {
      Request* request = pop();
      if (claim_for_us(*request)) return request;
      requests_.free(*request);
    }
    return nullptr;
  }

 private:
  // Frees what was taken, and what is too much. Whoever finds the lock taken leaves
  // it to the next.
  void trim() noexcept {
    if (!mutex_.try_lock()) return;
    retained_count_.store(0, std::memory_order_relaxed);
    append_new();
    if (all_wanted_) {
      while (front_ != nullptr && is_taken(*front_)) requests_.free(*pop());
    } else {
      free_surplus();
    }
    mutex_.unlock();
  }

  void free_surplus() noexcept REQUIRES(mutex_) {
    free_taken();
    while (count_ > limits::unclaimed_max) requests_.free(*pop());
  }

  void free_taken() noexcept REQUIRES(mutex_) {
    Request* last = nullptr;
    for (Request* request = front_; request != nullptr;) {
      Request* following = after(*request);
      if (is_taken(*request)) {
        if (last == nullptr) {
          front_ = following;
        } else {
          last->next = following;
        }
        --count_;
        requests_.free(*request);
      } else {
        last = request;
      }
      request = following;
    }
    back_ = last;
  }

  static bool claim_for_us(Request& request) noexcept {
    std::uint32_t retained = Requests::generation_of(request) | claim::retained;
    return request.claim.compare_exchange_strong(retained,
                                                 Requests::generation_of(request) | claim::taken);
  }

  static bool is_taken(const Request& request) noexcept {
    return (request.claim.load(std::memory_order_acquire) & claim::mask) == claim::taken;
  }

  static Request* after(const Request& request) noexcept {
    return static_cast<Request*>(request.next);
  }

  void append_new() noexcept REQUIRES(mutex_) {
    auto* item = static_cast<Request*>(retained_.take_in_order());
    if (item == nullptr) return;
    if (front_ == nullptr) {
      front_ = item;
    } else {
      back_->next = item;
    }
    for (; item != nullptr; item = after(*item)) {
      back_ = item;
      ++count_;
    }
  }

  Request* pop() noexcept REQUIRES(mutex_) {
    Request* first = front_;
    front_ = after(*first);
    --count_;
    return first;
  }

  Requests& requests_;
  NotifiableStack retained_;
  std::atomic<std::uint32_t> retained_count_{0};
  sys::Mutex mutex_;
  bool all_wanted_ GUARDED_BY(mutex_) = false;
  Request* front_ GUARDED_BY(mutex_) = nullptr;  // oldest first, chained by `next`
  Request* back_ GUARDED_BY(mutex_) = nullptr;   // valid when there is a front
  std::uint32_t count_ GUARDED_BY(mutex_) = 0;
};

}  // namespace kaio
