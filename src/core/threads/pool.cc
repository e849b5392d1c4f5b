// SPDX-License-Identifier: MIT
#include "core/threads/pool.h"

#include <algorithm>
#include <climits>
#include <utility>

namespace kaio {
namespace {

constexpr std::int64_t spin_ns = 50'000;
constexpr unsigned spin_credit_max = 4;
constexpr unsigned sleeps_per_trial = 16;

}  // namespace

Pool::~Pool() {
  {
    sys::MutexLock lock(mutex_);
    ends_ = true;
    jobs_.fetch_add(1, std::memory_order_relaxed);  // ordered by the mutex
  }
  sys::futex_wake(&jobs_, INT_MAX);
  workers_.join();
}

// Not under the lock: others wait for that who may be on top of malloc(), which making a thread
// calls.
bool Pool::ensure_worker() noexcept {
  {
    sys::MutexLock lock(mutex_);
    if (threads_ != 0) return true;
    ++threads_;
    ++starting_;
  }
  if (start_counted()) return true;
  refuse_all();  // another submitter may have counted on it
  return false;
}

bool Pool::has_any() noexcept {
  sys::MutexLock lock(mutex_);
  return threads_ != 0;
}

bool Pool::can_start() noexcept {
  return sys::may_start_threads ? ensure_worker() : has_any() || call_starter();
}

bool Pool::promise_thread() noexcept {
  {
    sys::MutexLock lock(mutex_);
    promised_ = true;
    if (threads_ != 0) return true;
  }
  return can_start();
}

bool Pool::start(Transfer& transfer) noexcept {
  const bool may_start = sys::may_start_threads;
  mutex_.lock();
  if (threads_ == 0) {
    mutex_.unlock();
    if (!can_start()) return false;
    mutex_.lock();
  }
  if (!enqueue(transfer)) {
    mutex_.unlock();
    return true;
  }
  const bool wake = need_wake();
  const bool start = may_start && need_thread();
  const bool call = !may_start && lacks_thread();
  jobs_.fetch_add(1, std::memory_order_relaxed);  // ordered by the mutex
  mutex_.unlock();
  if (wake) sys::futex_wake(&jobs_, 1);
  if (call ? call_starter() : !start || start_counted()) return true;
  // Those there are will come to it, unless the last one has just ended.
  const bool refused = !has_any() && remove(transfer);
  refuse_all();
  return !refused;
}

// False: it waits for others of its file, or for its device, and they see to it.
bool Pool::enqueue(Transfer& transfer) noexcept {
  transfer.move_to(TransferState::queued);
  devices_.enter(transfer);
  if (transfer.access() == FileAccess::exclusive)
    return file_queues_.enter(transfer, queue_, devices_);
  transfer.set_file_queue_part(FileQueuePart::none);
  if (!devices_.admit(transfer, threads_max_)) return false;
  queue_.push(transfer);
  return true;
}

void Pool::start_threads() noexcept {
  {
    sys::MutexLock lock(mutex_);
    const bool lacks_the_promised = threads_ == 0 && performer_.threads_are_promised();
    if (ends_ || !(lacks_thread() || lacks_the_promised)) return;
    ++threads_;
    ++starting_;
  }
  if (!start_counted()) refuse_all();
}

// What is queued, if there is no thread at all.
void Pool::refuse_all() noexcept {
  mutex_.lock();
  while (threads_ == 0) {
    Transfer* const transfer = take();
    if (transfer == nullptr) break;
    if (transfer->file_queue_part() == FileQueuePart::head)
      file_queues_.leave(transfer->operation.fd, queue_);
    devices_.end(transfer->pool_place(), threads_max_, queue_);
    mutex_.unlock();
    performer_.refuse(*transfer);
    mutex_.lock();
  }
  mutex_.unlock();
}

bool Pool::remove(Transfer& transfer) noexcept {
  sys::MutexLock lock(mutex_);
  if (transfer.state.load(std::memory_order_acquire) != TransferState::queued) return false;
  const FileQueuePart part = transfer.file_queue_part();
  if (part == FileQueuePart::waits) {
    file_queues_.erase(transfer);
  } else {
    devices_.dequeue(transfer, queue_);
    // Then as many are queued as before, or one less; or one more, which waits for the same
    // device, and is looked at by the first of that to end.
    if (part == FileQueuePart::head) file_queues_.leave(transfer.operation.fd, queue_);
  }
  devices_.forget(transfer);
  transfer.move_to(TransferState::starting);
  return true;
}

void Pool::configure(unsigned threads_max, std::int64_t idle_ns) noexcept {
  sys::MutexLock lock(mutex_);
  threads_max_ = std::clamp(threads_max, 1u, limits::pool_threads_max);
  idle_ns_ = idle_ns;
  devices_.release_all(threads_max_, queue_);  // the next that looks finds them
}

unsigned Pool::threads_bound() const noexcept {
  const unsigned devices = std::max(devices_.busy(), 1u);
  return std::min(devices * threads_max_ + 1, limits::pool_threads_max);
}

Transfer* Pool::take() noexcept {
  for (;;) {
    Transfer* transfer = queue_.pop();
    if (transfer == nullptr) return nullptr;
    if (!devices_.admit(*transfer, threads_max_)) continue;
    if (transfer->file_queue_part() == FileQueuePart::head) file_queues_.begin(*transfer);
    devices_.begin(*transfer);
    transfer->move_to(TransferState::running);
    return transfer;
  }
}

bool Pool::spin() noexcept {
  // Without credit now and then, to find out whether times have changed.
  if (spinning_ || (spin_credit_ == 0 && ++sleeps_ % sleeps_per_trial != 0)) return false;
  spinning_ = true;
  const std::uint32_t seen = jobs_.load(std::memory_order_relaxed);
  mutex_.unlock();
  const std::int64_t until_ns = sys::monotonic_ns() + spin_ns;
  bool came = false;
  do {
    for (int i = 0; i < 32 && !came; ++i) {
      sys::relax();
      came = jobs_.load(std::memory_order_relaxed) != seen;
    }
  } while (!came && sys::monotonic_ns() < until_ns);
  mutex_.lock();
  spinning_ = false;
  if (came) {
    spin_credit_ = spin_credit_max;
  } else if (spin_credit_ != 0) {
    --spin_credit_;
  }
  return !queue_.empty();
}

bool Pool::start_worker() noexcept {
  const auto enter = [](void* self) -> void* {
    static_cast<Pool*>(self)->run();
    return nullptr;
  };
  if (workers_.start(enter, this, sys::Stack::ours) != 0) return false;
  statistics_.count(Count::threads_started);
  return true;
}

// Whether to wake a thread for what is queued; if so, that is on its way.
bool Pool::need_wake() noexcept {
  if (queue_.empty() || idle_ == 0 || somebody_will_look()) return false;
  waking_ = true;
  return true;
}

bool Pool::lacks_thread() const noexcept {
  return !ends_ && queue_.size() > available() && threads_ < threads_bound();
}

bool Pool::need_thread() noexcept {
  if (!lacks_thread()) return false;
  ++threads_;
  ++starting_;
  return true;
}

bool Pool::start_counted() noexcept {
  if (start_worker()) return true;
  sys::MutexLock lock(mutex_);
  --threads_;
  --starting_;
  return false;
}

void Pool::work_on(Transfer& transfer) {
  const bool is_head = transfer.file_queue_part() == FileQueuePart::head;
  const int fd = transfer.operation.fd;
  const unsigned place = transfer.pool_place();
  const bool wake_another = need_wake();
  const bool start_another = !wake_another && need_thread();
  mutex_.unlock();
  if (wake_another) sys::futex_wake(&jobs_, 1);
  if (start_another) start_counted();  // if that fails, the next job tries again
  const std::optional<std::int32_t> answer = performer_.carry_out(transfer);
  mutex_.lock();
  // What that queues needs nobody to be woken: one more in the queue, and one more that
  // will take from it as soon as it has reported.
  if (is_head) file_queues_.leave(fd, queue_);
  devices_.end(place, threads_max_, queue_);
  ++finishing_;
  mutex_.unlock();
  const bool more = performer_.carried_out(answer ? &transfer : nullptr, answer.value_or(0));
  mutex_.lock();
  --finishing_;
  if (!more) return;
  const bool wake_in_our_place = need_wake();
  const bool start_in_our_place = !wake_in_our_place && need_thread();
  mutex_.unlock();
  if (wake_in_our_place) sys::futex_wake(&jobs_, 1);
  if (start_in_our_place) start_counted();
  performer_.see_to_others();
  mutex_.lock();
}

void Pool::run() {
  sys::name_this_thread("kaio-pool");
  // Else the kernel may take the processor from the submitter that woke it.
  sys::never_preempt_on_wake_up();
  mutex_.lock();
  --starting_;
  for (;;) {
    if (Transfer* transfer = take()) {
      work_on(*transfer);
      continue;
    }
    if (ends_) break;
    if (spin()) continue;
    const std::uint32_t seen = jobs_.load(std::memory_order_relaxed);
    const std::int64_t idle_ns = promised_ ? std::max(idle_ns_, sys::thread_idle_ns) : idle_ns_;
    const sys::Deadline deadline = sys::monotonic_ns() + idle_ns;
    ++idle_;
    mutex_.unlock();
    const int outcome = sys::futex_wait(jobs_, seen, deadline);
    mutex_.lock();
    --idle_;
    waking_ = false;  // if it was not for this thread, this one looks in its place
    if (!queue_.empty() || (outcome != ETIMEDOUT && threads_ <= threads_bound())) continue;
    if (available() != 0) break;
    // Those to whom it was promised at the last look may be on their way here.
    const bool was_promised = std::exchange(promised_, performer_.threads_are_promised());
    if (!promised_ && !was_promised) break;
  }
  --threads_;
  mutex_.unlock();
  statistics_.count(Count::threads_ended);
  workers_.leave();
}

}  // namespace kaio
