// SPDX-License-Identifier: MIT
#include "request/order.h"

#include <linux/fs.h>

#include "request/deferred.h"

namespace kaio {
namespace {

bool is_finished(const Request& request) {
  return request.state.load(std::memory_order_acquire) == RequestState::finished;
}

RequestQueue& held_queue(DescriptorRecord& record, const Request& request)
    REQUIRES(record.mutex) {
  return request.operation.is_read() ? record.held_reads : record.held_writes;
}

bool keeps_order(const DescriptorRecord& record, const Request& request) REQUIRES(record.mutex) {
  if (record.traits.is_stream()) return true;
  return request.operation.is_write() &&
         (record.traits.append || (request.operation.rw_flags & RWF_APPEND) != 0);
}

// The oldest request of the present era that still runs or waits; null if none.
Request* oldest(DescriptorRecord& record) REQUIRES(record.mutex) {
  Request* request = record.all.front();
  while (request != nullptr && (is_finished(*request) || request->era != record.era))
    request = record.all.after(*request);
  return request;
}

bool turn_taken(const DescriptorRecord& record, bool to_read) REQUIRES(record.mutex) {
  return to_read ? record.read_has_turn : record.write_has_turn;
}

void set_turn(DescriptorRecord& record, bool to_read, bool taken) REQUIRES(record.mutex) {
  if (to_read) {
    record.read_has_turn = taken;
  } else {
    record.write_has_turn = taken;
  }
}

void start_later(DescriptorRecord& record, Request& request) REQUIRES(record.mutex) {
  --record.held_count;
  request.move_to(RequestState::starting);
  request.attempt = Attempt::none;
  deferred::put_aside(request);
}

// Those held by order, and those held because the device was full, share a queue.
Request* take_held(RequestQueue& queue, bool for_retry) {
  for (Request* request = queue.front(); request != nullptr; request = queue.after(*request)) {
    if (request->retried != for_retry) continue;
    queue.erase(*request);
    return request;
  }
  return nullptr;
}

void pass_turn(DescriptorRecord& record, bool to_read) REQUIRES(record.mutex) {
  Request* next = take_held(to_read ? record.held_reads : record.held_writes, false);
  set_turn(record, to_read, next != nullptr);
  if (next == nullptr) return;
  next->has_turn = true;
  start_later(record, *next);
}

// A place is free on the device: try one that was refused for want of it.
void retry_one(DescriptorRecord& record, RequestQueue& queue) REQUIRES(record.mutex) {
  if (Request* next = take_held(queue, true)) start_later(record, *next);
}

}  // namespace

void RecordLock::release(DescriptorRecord& record) NO_THREAD_SAFETY_ANALYSIS {
  for (;;) {
    Notifiable* item = record.finished.empty() ? nullptr : record.finished.take_in_order();
    while (item != nullptr) {
      Notifiable* following = item->next;
      auto& request = static_cast<Request&>(*item);
      order::detach(record, request);
      deferred::put_aside(request);
      item = following;
    }
    record.mutex.unlock();
    // A completer that pushes and then finds the mutex taken, and we who unlock and
    // then find nothing pushed, cannot both be right, as all four are seq_cst
    // (order::detach_or_leave has the other half).
    if (record.finished.empty() || !record.mutex.try_lock()) return;
  }
}

namespace order {

void enter(DescriptorRecord& record, Request& request) {
  if (record.live.fetch_add(1) == 0) {
    record.traits = {};
    record.read_has_turn = record.write_has_turn = false;
    if (!record.all.empty()) ++record.era;  // finished ones that linger hold back nobody
  }
  request.era = record.era;
  record.all.push_back(request);
}

Admission admit(DescriptorRecord& record, Request& request, bool same_file) {
  if (request.operation.is_sync()) {
    if (oldest(record) == &request) {
      request.move_to(RequestState::starting);
      return Admission::start;
    }
    if (!record.traits.known()) return Admission::needs_traits;
    if (!same_file) return Admission::needs_identity;
    ++record.held_count;
    request.move_to(RequestState::held);
    return Admission::held;
  }

  const bool to_read = request.operation.is_read();
  if (turn_taken(record, to_read)) {
    if (!record.traits.known()) return Admission::needs_traits;
    if (keeps_order(record, request)) {
      if (!same_file) return Admission::needs_identity;
      ++record.held_count;
      request.move_to(RequestState::held);
      held_queue(record, request).push_back(request);
      return Admission::held;
    }
  }
  // Who finds the turn free takes it, ordered or not: what the descriptor is may not
  // be known yet.
  request.has_turn = !turn_taken(record, to_read);
  set_turn(record, to_read, true);
  request.move_to(RequestState::starting);
  return Admission::start;
}

Notifiable* begin_era(DescriptorRecord& record, Request& request) {
  Notifiable* abandoned = nullptr;
  for (Request* old = record.all.front(); old != nullptr; old = record.all.after(*old)) {
    if (old == &request || old->state.load() != RequestState::held) continue;
    unhold(record, *old);
    old->next = abandoned;
    abandoned = old;
  }
  ++record.era;
  record.read_has_turn = record.write_has_turn = false;
  record.traits = {};
  request.era = record.era;
  return abandoned;
}

bool hold_for_retry(DescriptorRecord& record, Request& request) {
  // Held ones wait themselves; only a request that is on its way will end. Whoever
  // else is about to be held comes through here too, and the last one is refused.
  if (record.live.load() - record.held_count <= 1) return false;
  ++record.held_count;
  request.retried = true;
  request.move_to(RequestState::held);
  held_queue(record, request).push_back(request);
  return true;
}

void unhold(DescriptorRecord& record, Request& request) {
  if (!request.operation.is_sync()) held_queue(record, request).erase(request);
  --record.held_count;
  request.move_to(RequestState::starting);
}

void detach(DescriptorRecord& record, Request& request) {
  record.all.erase(request);
  if (request.has_turn && request.era == record.era)
    pass_turn(record, request.operation.is_read());
  if (record.held_count == 0) return;
  retry_one(record, record.held_reads);
  retry_one(record, record.held_writes);
  Request* first = oldest(record);
  if (first != nullptr && first->operation.is_sync() &&
      first->state.load(std::memory_order_relaxed) == RequestState::held)
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
