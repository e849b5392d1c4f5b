// SPDX-License-Identifier: MIT
// The ways other than straight into the ring: poll, pool, and the two places to wait in.
#include "kernel/iocb.h"
#include "route/dispatcher.h"

namespace kaio {
namespace {

// Polls may fill only half of the ring, so that waiting streams, however many,
// leave room for file I/O; further ones wait by epoll.
constexpr std::uint32_t kernel_polls_share = 2;

}  // namespace

Dispatcher::Started Dispatcher::to_backlog(Request& request, By by) {
  enlist(request);
  renew_identity(request);
  if (by == By::submitter) note_identity(request.operation.fd);
  statistics_.count(Count::reason_ring_full);
  request.attempt = Attempt::none;
  backlog_.push(request);
  harvester_.add_debt();
  reaper_->ensure_running();
  return Started::ring_full;
}

// How each kind of stream waits: request/descriptor_kind.h.
Dispatcher::Started Dispatcher::wait_ready(Request& request, By by) {
  const int fd = request.operation.fd;
  const std::uint32_t generation = Requests::generation_of(request);
  const DescriptorKind kind = facts_of(request).traits.kind;
  if (!request.retried) {
    request.set_watch_count(0);
    limit_wait(request, kind);
  }
  // One that was ready for nothing waits there where it is told when that changes.
  const bool in_kernel =
      route_ != Route::pool && waits_in_kernel(kind) && !request.retried && !request.has_deadline();
  if (!in_kernel || !poll_by_kernel(request)) {
    request.attempt = Attempt::readiness;
    if (!watcher_.watch(request)) return Started::no_threads;
  }
  if (by == By::later) end_wait_if_abandoned(fd, request, generation);
  return Started::yes;
}

void Dispatcher::limit_wait(Request& request, DescriptorKind kind) {
  const WaitLimit limit = wait_limit(request.operation.fd, kind, request.operation.is_read());
  if (limit.limit_ns > 0) {
    request.set_deadline(sys::monotonic_ns() + limit.limit_ns, limit.result);
  } else {
    request.clear_deadline();
  }
}

// Not before the wait begins: the number might become another file in between, and
// the wait be for that one.
void Dispatcher::end_wait_if_abandoned(int fd, Request& request, std::uint32_t generation) {
  DescriptorRecord& record = *requests_.descriptors.at(fd);
  {
    RecordLock lock(record);
    // The state first, then whether it is this life's: then the request is in the list,
    // and cannot leave it before we unlock.
    const RequestState state = request.state.load();
    if ((state != RequestState::polling && state != RequestState::watched) ||
        requests_.find(request.slot, generation) == nullptr || request.operation.fd != fd)
      return;
    know_traits(record, fd);
    if (request.era == record.occupancy.now().era() &&
        is_same_file(fd, record.device, record.inode))
      return;
    if (!take_from_poll(request) && !watcher_.remove(request)) return;
  }
  abandon(request);
}

// False: it does not wait there, or not any more.
bool Dispatcher::take_from_poll(Request& request) {
  RequestState expected = RequestState::polling;
  if (!request.state.compare_exchange_strong(expected, RequestState::starting)) return false;
  // Not found if it is not submitted yet: poll_by_kernel() looks again.
  context_.cancel(request.control);
  return true;
}

// False: not this way, and nothing done.
bool Dispatcher::poll_by_kernel(Request& request) {
  if (!context_.available()) return false;
  if (kernel_polls_.fetch_add(1) >= context_.capacity() / kernel_polls_share ||
      !context_.reserve()) {
    kernel_polls_.fetch_sub(1);
    return false;
  }
  if (!reaper_->ensure_running()) {
    context_.unreserve(1);
    kernel_polls_.fetch_sub(1);
    return false;
  }
  request.attempt = Attempt::readiness;
  iocb_of::readiness(request.control, request.operation.fd, request.operation.is_read());
  request.control.data = &request;
  // It only begins something: somebody has to go on with it at once.
  iocb_of::ring_doorbell(request.control, reaper_->doorbell());
  request.poll.store(KernelPoll::pending, std::memory_order_relaxed);  // ordered by the state
  request.move_to(RequestState::polling);
  const int outcome = context_.submit(request.control);
  if (outcome != 1) {
    context_.unreserve(1);
    const bool ours = end_poll(request);
    harvester_.call_leader();
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
  if (request.state.load() != RequestState::polling) context_.cancel(request.control);
  return true;
}

// The kernel has nothing to do with the poll any more. True: the request is the
// caller's, to go on with. False: it was cancelled.
bool Dispatcher::end_poll(Request& request) {
  kernel_polls_.fetch_sub(1);
  RequestState expected = RequestState::polling;
  const bool ours = request.state.compare_exchange_strong(expected, RequestState::starting);
  requests_.release_poll(request);
  return ours;
}

Dispatcher::Started Dispatcher::to_pool(Request& request, Attempt attempt) {
  renew_identity(request);
  request.attempt = attempt;
  const DescriptorFacts facts = facts_of(request);
  return pool_.submit(request, company_of(request, facts), facts.device) ? Started::yes
                                                                         : Started::no_threads;
}

// Whether a read had better not be tried first where only a thread can do that: many that
// are blocked must not take many threads.
bool Dispatcher::waits_first(const Request& request, const DescriptorTraits& traits) {
  const Operation& operation = request.operation;
  return operation.is_read() && waits_in_kernel(traits.kind) && !traits.non_blocking &&
         traits.readable && operation.remaining_bytes() != 0 &&
         poll_tells_all(operation.fd, traits.kind);
}

// If it is a stream's, it may have to wait afterwards. The call that submits it is the last
// chance to say that there is no thread to do that.
Dispatcher::Started Dispatcher::to_pool_io(Request& request, By by) {
  if (by == By::submitter && !request.operation.is_sync()) {
    const DescriptorTraits traits = facts_of(request).traits;
    const bool by_kernel =
        waits_in_kernel(traits.kind) && route_ != Route::pool && context_.available();
    if (traits.is_stream() && !traits.non_blocking && !by_kernel && !watcher_.can_watch())
      return Started::no_threads;
  }
  return to_pool(request, Attempt::pool_io);
}

// Buffered writes, and those that extend their file, hold its lock all the time. (Until a
// buffered one is durable it waits without, and several by one commit. A device is written
// by several at once.)
Company Dispatcher::company_of(const Request& request, const DescriptorFacts& facts) const {
  const Operation& operation = request.operation;
  if (!operation.is_write()) return Company::any;
  const DescriptorTraits& traits = facts.traits;
  if (traits.kind != DescriptorKind::regular) return Company::any;
  const bool durable = traits.synchronous || (operation.rw_flags & (RWF_DSYNC | RWF_SYNC)) != 0;
  const bool holds = traits.direct ? request.attempt == Attempt::pool_submit : !durable;
  return holds && locking_devices_.contains(facts.device) ? Company::none : Company::any;
}

// In a pool thread, as the question may be one to a server: the first writes to a device
// have company.
void Dispatcher::learn_whether_it_locks(const Request& request, const DescriptorFacts& facts) {
  if (!request.operation.is_write() || facts.traits.kind != DescriptorKind::regular ||
      locking_devices_.contains(facts.device) || other_devices_.contains(facts.device))
    return;
  const bool locks = locks_file_to_write(request.operation.fd);
  (locks ? locking_devices_ : other_devices_).insert(facts.device);
}

// A write that extends its file may take long where others do not.
bool Dispatcher::plain_is_quick(const Request& request, const DescriptorFacts& facts, By by) const {
  const Operation& operation = request.operation;
  const std::size_t size_bytes = operation.remaining_bytes();
  if (by != By::submitter || !facts.traits.direct || size_bytes > limits::bytes_in_a_call_max ||
      !plain_speed_.is_quick(facts.device, operation.is_read()))
    return false;
  std::int64_t end_bytes = 0;
  return operation.is_read() || facts.traits.kind != DescriptorKind::regular ||
         (!facts.traits.append &&
          !__builtin_add_overflow(operation.offset_bytes, size_bytes, &end_bytes) &&
          !ends_file(operation.fd, end_bytes - 1));
}

Dispatcher::Started Dispatcher::submit_plain(Request& request, std::uint32_t device, By by) {
  const bool to_read = request.operation.is_read();
  const std::int64_t begin_ns = sys::monotonic_ns();
  const Started started = submit_kernel(request, Attempt::plain, by, nullptr);
  if (started == Started::yes) plain_speed_.took(device, to_read, sys::monotonic_ns() - begin_ns);
  return started;
}

// The device had no room: until another request of the descriptor ends.
Dispatcher::Started Dispatcher::hold(Request& request) {
  DescriptorRecord& record = *requests_.descriptors.at(request.operation.fd);
  bool held = false;
  {
    RecordLock lock(record);
    held = order::hold_for_retry(record, request);
  }
  if (!held) return to_pool(request, Attempt::pool_submit);
  harvester_.add_debt();
  reaper_->ensure_running();
  return Started::yes;
}

}  // namespace kaio
