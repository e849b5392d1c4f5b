// SPDX-License-Identifier: MIT
// Requests that wait: for a place in the ring, for room on the device, for readiness in the ring.
#include "core/kernel/iocb.h"
#include "posix/dispatch/dispatcher.h"

namespace kaio {
namespace {

// Polls may fill only half of the ring, so that waiting streams, however many,
// leave room for file I/O; further ones wait by epoll.
constexpr std::uint32_t kernel_polls_share = 2;

}  // namespace

Started Dispatcher::to_backlog(Request& request, By by) {
  enlist(request);
  renew_identity(request);
  if (by == By::submitter) note_identity(request.operation.fd);
  statistics_.count(Count::reason_ring_full);
  request.attempt = Attempt::none;
  backlog_.push(request);
  ring_reaper_.require_reaping();
  reaper_thread_.ensure_running();
  return Started::ring_full;
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
  bool held = false;
  {
    RecordLock lock(record);
    held = order::hold_for_retry(record, request);
  }
  if (!held) return false;
  ring_reaper_.require_reaping();
  reaper_thread_.ensure_running();
  return true;
}

}  // namespace kaio
