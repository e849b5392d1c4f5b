// SPDX-License-Identifier: MIT
#include "posix/order/order.h"

#include <linux/fs.h>

#include "posix/request/deferred.h"

namespace kaio {
namespace {

bool is_finished(const Request& request) {
  return request.state.load(std::memory_order_acquire) == TransferState::finished;
}

TransferQueue& held_queue(DescriptorRecord& record, const Request& request) REQUIRES(record.mutex) {
  return request.operation.is_read() ? record.held_reads : record.held_writes;
}

bool keeps_order(const DescriptorRecord& record, const Request& request) REQUIRES(record.mutex) {
  if (record.traits.is_stream()) return true;
  return request.operation.is_write() &&
         (record.traits.append || (request.operation.rw_flags & RWF_APPEND) != 0);
}

// The oldest listed request of the present generation that still runs or waits; null if none.
Request* oldest(DescriptorRecord& record) REQUIRES(record.mutex) {
  const std::uint8_t fd_generation = record.occupancy.now().fd_generation();
  Request* request = record.all.front();
  while (request != nullptr && (is_finished(*request) || request->fd_generation != fd_generation))
    request = record.all.after(*request);
  return request;
}

// What somebody may have to wait for, asked with the record's mutex held.
using MustWait = bool(DescriptorRecord& record, const Request& request);

bool has_elders(DescriptorRecord& record, const Request& request) NO_THREAD_SAFETY_ANALYSIS {
  return record.occupancy.now().unlisted() != 0 || oldest(record) != &request;
}

// Those held by order, and those held because the device was full, share a queue. Where
// all of a direction keep order, the only one that the device may have refused is the one
// that has the turn, which is in front; where none does, there are no others. So the
// first one tells, unless some writes append and others do not.
Request* first_held(DescriptorRecord& record, bool to_read, bool by_order) REQUIRES(record.mutex) {
  const TransferQueue& queue = to_read ? record.held_reads : record.held_writes;
  const bool all_alike = to_read || record.traits.is_stream() || record.traits.append;
  for (Request* request = request_of(queue.front()); request != nullptr;
       request = request_of(queue.after(*request))) {
    if ((keeps_order(record, *request) && !request->has_turn) == by_order) return request;
    if (all_alike) break;
  }
  return nullptr;
}

// Somebody is before it, if its direction turns out to keep order.
bool has_predecessor(DescriptorRecord& record, const Request& request) NO_THREAD_SAFETY_ANALYSIS {
  return record.occupancy.now().has_turn(request.operation.is_read()) ||
         first_held(record, request.operation.is_read(), true) != nullptr;
}

// Others of its direction were refused because the device is full. It must not take the
// place that they wait for; and its attempt would fail, most probably.
bool waits_for_room(DescriptorRecord& record, const Request& request) REQUIRES(record.mutex) {
  return first_held(record, request.operation.is_read(), false) != nullptr;
}

// Held ones wait themselves; only a request that is on its way will end. Whoever else is
// about to be held is asked this too, and the last one is refused.
bool others_run(DescriptorRecord& record, const Request&) NO_THREAD_SAFETY_ANALYSIS {
  return record.occupancy.now().total() - record.held_count > 1;
}

void lower_awaited_if_nobody_waits(DescriptorRecord& record) REQUIRES(record.mutex) {
  if (record.held_count == 0) record.occupancy.lower_awaited();
}

// Holds the request back if `must_wait` still says so when everybody who leaves from
// now on will see to it. False: it need not wait.
bool hold_while(DescriptorRecord& record, Request& request, MustWait must_wait)
    REQUIRES(record.mutex) {
  record.occupancy.raise_awaited();
  if (!must_wait(record, request)) {
    lower_awaited_if_nobody_waits(record);
    return false;
  }
  ++record.held_count;
  request.move_to(TransferState::held);
  return true;
}

void start_later(DescriptorRecord& record, Request& request) REQUIRES(record.mutex) {
  --record.held_count;
  lower_awaited_if_nobody_waits(record);
  request.move_to(TransferState::starting);
  request.attempt = Attempt::none;
  deferred::put_aside(request);
}

void pass_turn(DescriptorRecord& record, bool to_read) REQUIRES(record.mutex) {
  if (record.occupancy.now().has_turn(to_read)) return;
  Request* next = first_held(record, to_read, true);
  if (next == nullptr) return;
  held_queue(record, *next).erase(*next);
  record.occupancy.take_turn(*next);
  start_later(record, *next);
}

// A place is free on the device: try one that was refused for want of it.
void retry_one(DescriptorRecord& record, bool to_read) REQUIRES(record.mutex) {
  Request* next = first_held(record, to_read, false);
  if (next == nullptr) return;
  held_queue(record, *next).erase(*next);
  start_later(record, *next);
}

}  // namespace

RecordLock::RecordLock(DescriptorRecord& record) noexcept : record_(record) {
  record_.mutex.lock();
  if (!record_.occupancy.now().is_known()) record_.traits = {};
}

void RecordLock::release(DescriptorRecord& record) NO_THREAD_SAFETY_ANALYSIS {
  for (;;) {
    Transfer* item = record.finished.empty() ? nullptr : record.finished.take_in_order();
    while (item != nullptr) {
      Transfer* following = item->next;
      Request& request = request_of(*item);
      order::detach(record, request);
      deferred::put_aside(request);
      item = following;
    }
    record.mutex.unlock();
    // A completer that pushes and then finds the mutex taken, and we, who unlock and
    // then find nothing pushed, cannot both be right, as all four are seq_cst
    // (order::detach_or_leave has the other half).
    if (record.finished.empty() || !record.mutex.try_lock()) return;
  }
}

namespace order {

Occupancy::View enter(DescriptorRecord& record, Request& request) {
  record.all.push_back(request);
  return record.occupancy.enter_listed(request);
}

void enlist(DescriptorRecord& record, Request& request) {
  record.all.push_front(request);
  record.occupancy.list(request);
}

Admission admit(DescriptorRecord& record, Request& request, Occupancy::View before,
                bool same_file) {
  if (request.operation.is_sync()) {
    if (has_elders(record, request)) {
      if (!record.traits.known()) return Admission::needs_traits;
      if (!same_file) return Admission::needs_identity;
      if (hold_while(record, request, has_elders)) return Admission::held;
    }
    request.move_to(TransferState::starting);
    return Admission::start;
  }

  if (has_predecessor(record, request) ||
      (!same_file && before.has_turn(request.operation.is_read()))) {
    if (!record.traits.known()) return Admission::needs_traits;
    if (keeps_order(record, request)) {
      if (!same_file) return Admission::needs_identity;
      if (hold_while(record, request, has_predecessor)) {
        held_queue(record, request).push_back(request);
        return Admission::held;
      }
    }
  }
  if (waits_for_room(record, request)) {
    if (!same_file) return Admission::needs_identity;
    if (hold_while(record, request, others_run)) {
      held_queue(record, request).push_back(request);
      return Admission::held_for_room;
    }
  }
  // Whoever finds the turn free takes it, ordered or not: what the descriptor is may not
  // be known yet.
  if (!record.occupancy.now().has_turn(request.operation.is_read()))
    record.occupancy.take_turn(request);
  request.move_to(TransferState::starting);
  return Admission::start;
}

Transfer* begin_fd_generation(DescriptorRecord& record, Request* first) {
  Transfer* abandoned = nullptr;
  for (Request* old = record.all.front(); old != nullptr; old = record.all.after(*old)) {
    if (old == first || old->state.load() != TransferState::held) continue;
    unhold(record, *old);
    old->next = abandoned;
    abandoned = old;
  }
  record.occupancy.begin_fd_generation();
  if (first != nullptr) join_fd_generation(record, *first);
  record.traits = {};
  return abandoned;
}

void join_fd_generation(DescriptorRecord& record, Request& request) {
  request.fd_generation =
      record.occupancy.now().fd_generation() & OccupancyLayout::fd_generation_max;
  request.has_turn = false;  // of the old one; nobody has it there any more
}

bool hold_for_retry(DescriptorRecord& record, Request& request) {
  if (!hold_while(record, request, others_run)) return false;
  request.retried = true;
  held_queue(record, request).push_front(request);
  return true;
}

void unhold(DescriptorRecord& record, Request& request) {
  if (!request.operation.is_sync()) held_queue(record, request).erase(request);
  --record.held_count;
  lower_awaited_if_nobody_waits(record);
  request.move_to(TransferState::starting);
}

void detach(DescriptorRecord& record, Request& request) {
  if (request.listed) record.all.erase(request);
  if (record.held_count == 0) return;
  pass_turn(record, true);
  pass_turn(record, false);
  retry_one(record, true);
  retry_one(record, false);
  Request* first = oldest(record);
  if (first != nullptr && first->operation.is_sync() &&
      first->state.load(std::memory_order_relaxed) == TransferState::held &&
      !has_elders(record, *first))
    start_later(record, *first);
}

bool detach_or_leave(DescriptorRecord& record, Request& request) NO_THREAD_SAFETY_ANALYSIS {
  if (!record.mutex.try_lock()) {
    record.finished.push(request);
    if (record.mutex.try_lock()) RecordLock::release(record);
    return false;
  }
  detach(record, request);
  RecordLock::release(record);
  return true;
}

}  // namespace order
}  // namespace kaio
