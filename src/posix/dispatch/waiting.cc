// SPDX-License-Identifier: MIT
// Requests that wait: for a place in the ring, for room on the device, for readiness in the ring.
#include "core/kernel/iocb.h"
#include "posix/dispatch/dispatcher.h"

namespace kaio {
namespace {

// Polls may fill only half of the ring, so that waiting streams, however many,
// leave room for file I/O; further ones wait by epoll.
constexpr std::uint32_t kernel_polls_share = 2;

// Accepted requests for which no thread can be made: how long, and how often, it is tried.
constexpr std::int64_t await_thread_ns_max = 1'000'000'000;
constexpr std::int64_t try_thread_interval_ns = 10'000'000;
constexpr std::int64_t new_shortage_ns_min = 5 * try_thread_interval_ns;  // after the last one

}  // namespace

Started Dispatcher::to_backlog(Request& request, By by) {
  enlist(request);
  renew_identity(request);
  if (by == By::submitter) note_identity(request.operation.fd);
  statistics_.count(Count::reason_ring_full);
  ring_reaper_.require_reaping();
  // It must have the reaper, and may come to need a thread of the pool.
  const bool has_thread = reaper_thread_.ensure_running();
  pool_.promise_thread();
  if (!has_thread && by == By::submitter) {
    ring_reaper_.release_reaping();
    return Started::no_threads;
  }
  request.attempt = Attempt::none;
  backlog_.push(request);
  return Started::ring_full;
}

// It has been accepted, and there may be threads again in a moment.
void Dispatcher::await_thread(Request& request) {
  if (shortage_lasts()) return complete(request, EAGAIN);
  enlist(request);
  without_thread_.push(request);
  // Only after the push: a reaper looks for those who wait last before it ends.
  if (reaper_thread_.ensure_running()) {
    reaper_thread_.wake();
  } else if (without_thread_.remove(request)) {
    complete(request, EAGAIN);
  }
}

// Called whenever a thread could not be made. One that was noticed a moment ago is the same.
bool Dispatcher::shortage_lasts() noexcept {
  const std::int64_t now_ns = sys::monotonic_ns();
  if (now_ns - shortage_seen_ns_ > new_shortage_ns_min) shortage_began_ns_ = now_ns;
  shortage_seen_ns_ = now_ns;
  return now_ns - shortage_began_ns_ >= await_thread_ns_max;
}

// By the reaper. Nanoseconds until it is to be called again.
std::int64_t Dispatcher::start_those_without_thread() {
  if (without_thread_.empty()) return sys::forever;
  const std::int64_t early_ns = next_try_ns_ - sys::monotonic_ns();
  if (early_ns > 0) return early_ns;
  for (std::uint32_t count = without_thread_.count(); count != 0; --count) {
    Transfer* const transfer = without_thread_.pop();
    if (transfer == nullptr) break;
    if (carrier_.start_once_more(*transfer) != Started::no_threads) continue;
    if (shortage_lasts()) {
      complete(*transfer, EAGAIN);
    } else {
      without_thread_.push(*transfer);
      break;  // the others would find none either
    }
  }
  next_try_ns_ = sys::monotonic_ns() + try_thread_interval_ns;
  return try_thread_interval_ns;
}

// Not before the wait begins: the number might become another file in between, and
// the wait be for that one.
void Dispatcher::wait_has_begun(Transfer& transfer, Life life) {
  Request& request = request_of(transfer);
  const int fd = life.fd;
  DescriptorRecord& record = *requests_.descriptors.at(fd);
  {
    RecordLock lock(record);
    // The state first, then whether it is this life's: then the request is in the list,
    // and cannot leave it before we unlock.
    const TransferState state = request.state.load();
    if ((state != TransferState::polling && state != TransferState::watched) ||
        requests_.find(request.slot, life.generation) == nullptr || request.operation.fd != fd)
      return;
    know_traits(record, fd);
    if (request.fd_generation == record.occupancy.now().fd_generation() &&
        is_same_file(fd, record.device, record.inode))
      return;
    if (!take_from_poll(request) && !watcher_.remove(request)) return;
  }
  abandon(request);
}

// False: it does not wait there, or not any more.
bool Dispatcher::take_from_poll(Request& request) {
  if (!request.move_from(TransferState::polling, TransferState::starting)) return false;
  // Not found if it is not submitted yet: poll_by_kernel() looks again.
  context_.cancel(request.control);
  return true;
}

// False: not this way, and nothing done.
bool Dispatcher::poll_by_kernel(Transfer& transfer) {
  Request& request = request_of(transfer);
  if (!context_.available()) return false;
  if (kernel_polls_.fetch_add(1) >= context_.capacity() / kernel_polls_share ||
      !context_.reserve()) {
    kernel_polls_.fetch_sub(1);
    return false;
  }
  if (!reaper_thread_.ensure_running()) {
    context_.unreserve();
    kernel_polls_.fetch_sub(1);
    return false;
  }
  request.attempt = Attempt::readiness;
  iocb_of::readiness(request.control, request.operation.fd, request.operation.is_read());
  request.control.data = static_cast<Transfer*>(&request);
  // It only begins something: somebody has to go on with it at once.
  iocb_of::signal_eventfd(request.control, reaper_thread_.doorbell());
  request.poll.store(KernelPoll::pending, std::memory_order_relaxed);  // ordered by the state
  request.move_to(TransferState::polling);
  const int outcome = context_.submit(request.control);
  if (outcome != 1) {
    context_.unreserve();
    const bool ours = end_poll(request);
    ring_reaper_.wake_leader();
    if (!ours) return true;  // it has been cancelled
    // EINVAL: more than one wait queue, as terminals have.
    if (outcome != -EBADF) return false;
    abandon(request);  // closed meanwhile
    return true;
  }
  statistics_.count(Count::waits_by_kernel_poll);
  // A canceller may have been here before the poll was: it is of no use any more.
  // (Or the request is over, and the slot in use again: then this wakes another poll
  // for nothing, which looks, and waits again.)
  if (request.state.load() != TransferState::polling) context_.cancel(request.control);
  return true;
}

// The kernel has nothing to do with the poll any more. True: the request is the
// caller's, to go on with. False: it was cancelled.
bool Dispatcher::end_poll(Request& request) {
  kernel_polls_.fetch_sub(1);
  const bool ours = request.move_from(TransferState::polling, TransferState::starting);
  requests_.release_poll(request);
  return ours;
}

// The device had no room: until another request of the descriptor ends.
bool Dispatcher::hold(Transfer& transfer) {
  Request& request = request_of(transfer);
  DescriptorRecord& record = *requests_.descriptors.at(request.operation.fd);
  ring_reaper_.require_reaping();
  // What it may come to need. If they cannot be had, that comes out when it is its turn.
  reaper_thread_.ensure_running();
  pool_.promise_thread();
  bool held = false;
  {
    RecordLock lock(record);
    held = order::hold_for_retry(record, request);
  }
  if (!held) ring_reaper_.release_reaping();
  return held;
}

}  // namespace kaio
