// SPDX-License-Identifier: MIT
// Finished requests whose result nobody has taken yet, for aio_waitcomplete().
//
// A finished request stays allocated until aio_return() or aio_waitcomplete()
// takes its result: Request::claim decides between the two, exactly once.
//
// Most programs never call aio_waitcomplete(). Until the first call in the process the
// results are merely kept, each where it is and in no list, numbered in the order in
// which they came; whoever takes one frees the request. Programs that do not even call
// aio_return() lose the oldest of them, beyond limits::unclaimed_max, when memory for
// requests would have to grow else. The first call says that somebody does want them
// all: it collects what is kept, and from then on results are put into a list.
#pragma once

#include "core/transfer_queue.h"
#include "posix/order/requests.h"
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
    const std::uint32_t generation = request.generation();
    const Kept kept = keep(request, generation);
    if (kept != Kept::here) settle(request, generation, kept);
  }

  // The same in two halves, of which the first one most often is all.
  enum class Kept : std::uint8_t {
    // Nothing is left to do. Nobody waits for results: whoever does has said so (next()) before
    // it is counted as waiting, and has found all that were kept until then.
    here,
    // Nothing has been done, as all results are wanted.
    not_yet,
    // The result was taken before: the request is to be freed.
    taken,
    // All results were wanted a moment later.
    but_wanted,
  };
  Kept keep(Request& request, std::uint32_t generation) noexcept {
    if (all_wanted_.load(std::memory_order_relaxed)) return Kept::not_yet;
    request.set_end_number(end_count_.fetch_add(1, std::memory_order_relaxed));
    std::uint32_t undecided = generation | claim::none;
    // seq_cst: before the look whether it is wanted after all. Whoever wants all says so
    // before it looks at what is kept.
    if (!request.claim.compare_exchange_strong(undecided, generation | claim::kept))
      return Kept::taken;
    return all_wanted_.load(std::memory_order_seq_cst) ? Kept::but_wanted : Kept::here;
  }
  void settle(Request& request, std::uint32_t generation, Kept kept) noexcept {
    std::uint32_t before = generation | (kept == Kept::not_yet ? claim::none : claim::kept);
    if (kept != Kept::taken &&
        request.claim.compare_exchange_strong(before, generation | claim::retained)) {
      retain(request);
    } else if (kept != Kept::but_wanted) {
      requests_.free(request);  // aio_return() was faster
    }  // else it has been taken, or collected, meanwhile, and is not ours any more
  }

  // The result of that life of the slot has been taken, or its aiocb is used again.
  // `cell` is that of the aiocb which says so.
  void taken(std::uint32_t slot, std::uint32_t generation, const StatusCell& cell) noexcept {
    Request* request = requests_.find(slot, generation);
    if (request == nullptr || request->cell != &cell) return;
    std::uint32_t now = generation | claim::kept;
    if (!request->claim.compare_exchange_strong(now, generation | claim::taken))
      return take_later(*request, generation, now);
    requests_.free(*request);
  }

  // The same if it is as most often; without a call, so that its caller has nothing to save.
  // False: nothing has been done.
  bool taken_at_once(std::uint32_t slot, std::uint32_t generation,
                     const StatusCell& cell) noexcept {
    Requests& requests = requests_;
    Request* request = requests.find(slot, generation);
    if (request == nullptr || request->cell != &cell) return true;
    std::uint32_t now = generation | claim::kept;
    if (!requests.is_freed_at_once(*request) ||
        !request->claim.compare_exchange_strong(now, generation | claim::taken))
      return false;
    requests.free_at_once(*request, generation);
    return true;
  }

  // Before memory for requests grows: gives up results that nobody seems to want.
  void forget_old() noexcept;

  // The oldest result nobody has taken; its request becomes the caller's, which
  // frees it. Null: there is none.
  Request* next() noexcept EXCLUDES(mutex_) {
    sys::MutexLock lock(mutex_);
    if (!all_wanted_.load(std::memory_order_relaxed)) {
      all_wanted_.store(true, std::memory_order_seq_cst);
      collect_kept();
    }
    for (;;) {
      if (front_ == nullptr) append_new();
      if (front_ == nullptr) return nullptr;
      Request* request = pop();
      if (claim_for_us(*request)) return request;
      requests_.free(*request);
    }
  }

 private:
  // What is not kept, as `now` says, is freed by whoever finds that its result is taken.
  [[gnu::cold]] void take_later(Request& request, std::uint32_t generation,
                                std::uint32_t now) noexcept;

  void retain(Request& request) noexcept {
    retained_.push(request);
    // Not one atomic step, which would cost more than a count lost now and then: it
    // only says when there is enough to be worth the lock.
    const std::uint32_t count = retained_count_.load(std::memory_order_relaxed) + 1;
    retained_count_.store(count, std::memory_order_relaxed);
    if (count >= limits::retrieval_batch) trim();
  }

  // Frees what was taken. Whoever finds the lock taken leaves it to the next.
  void trim() noexcept {
    if (!mutex_.try_lock()) return;
    retained_count_.store(0, std::memory_order_relaxed);
    append_new();
    while (front_ != nullptr && is_taken(*front_)) requests_.free(*pop());
    mutex_.unlock();
  }

  // Puts what is kept into the list, in order.
  void collect_kept() noexcept REQUIRES(mutex_);

  static bool claim_for_us(Request& request) noexcept {
    std::uint32_t retained = request.generation() | claim::retained;
    return request.claim.compare_exchange_strong(retained, request.generation() | claim::taken);
  }

  static bool is_taken(const Request& request) noexcept {
    return (request.claim.load(std::memory_order_acquire) & claim::mask) == claim::taken;
  }

  static Request* after(const Request& request) noexcept { return request_of(request.next); }

  void append_new() noexcept REQUIRES(mutex_) {
    Request* item = request_of(retained_.take_in_order());
    while (item != nullptr) {
      Request* following = after(*item);
      append(*item);
      item = following;
    }
  }

  void append(Request& request) noexcept REQUIRES(mutex_) {
    request.next = nullptr;
    if (front_ == nullptr) {
      front_ = &request;
    } else {
      back_->next = &request;
    }
    back_ = &request;
  }

  Request* pop() noexcept REQUIRES(mutex_) {
    Request* first = front_;
    front_ = after(*first);
    return first;
  }

  Requests& requests_;
  std::atomic<bool> all_wanted_{false};  // becomes true once, under the lock

  // While they are not all wanted.
  std::atomic<std::uint64_t> end_count_{0};
  std::atomic<std::uint32_t> forget_from_slots_{2 * limits::unclaimed_max};

  // Since they are.
  TransferStack retained_;
  std::atomic<std::uint32_t> retained_count_{0};
  sys::Mutex mutex_;
  Request* front_ GUARDED_BY(mutex_) = nullptr;  // oldest first, chained by `next`
  Request* back_ GUARDED_BY(mutex_) = nullptr;   // valid when there is a front
};

}  // namespace kaio
