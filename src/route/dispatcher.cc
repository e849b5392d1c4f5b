// SPDX-License-Identifier: MIT
#include "route/dispatcher.h"

#include <linux/fs.h>

#include "request/deferred.h"
#include "sys/size_limit.h"

namespace kaio {

Dispatcher::Dispatcher(Requests& requests, CompletionSink& completions, Context& context,
                       Harvester& harvester, const Route& route, Statistics& statistics) noexcept
    : requests_(requests), completions_(completions), context_(context), harvester_(harvester),
      route_(route), statistics_(statistics), watcher_(*this, statistics),
      pool_(*this, statistics) {}

Dispatcher::Started Dispatcher::admit_listed(DescriptorRecord& record, Request& request,
                                             SubmissionBatch* batch) {
  Notifiable* abandoned = nullptr;
  Admission admission{};
  KnownDescriptor known;
  // Once it is held and unlocked the request may be over.
  const Count held_by = request.operation.is_sync() ? Count::held_by_fence : Count::held_by_order;
  {
    RecordLock lock(record);
    const Occupancy::View before = order::enter(record, request);
    bool same_file = false;
    if (batch != nullptr && !batch->has_identified(request.operation.fd)) {
      batch->identified(request.operation.fd);
      same_file = record.traits.known();
      if (same_file && !is_same_file(request.operation.fd, record.device, record.inode))
        abandoned = order::begin_era(record, request);
    }
    admission = order::admit(record, request, before, same_file);
    if (batch != nullptr) {
      know_traits(record, request.operation.fd);
      if (record.traits.direct) batch->copies_nothing(request.operation.fd);
    }
    if (admission == Admission::needs_traits) {
      know_traits(record, request.operation.fd);
      // Not open: nothing to keep in order; the attempt will say so.
      if (!record.traits.known()) record.traits.kind = DescriptorKind::character;
      admission = order::admit(record, request, before, same_file);
    }
    if (admission == Admission::needs_identity) {
      if (!is_same_file(request.operation.fd, record.device, record.inode))
        abandoned = order::begin_era(record, request);
      admission = order::admit(record, request, before, true);
      if (admission == Admission::needs_traits) {
        request.move_to(RequestState::starting);
        admission = Admission::start;
      }
    }
    known = {.traits = record.traits,
             .reads_block = record.reads_block,
             .writes_block = record.writes_block};
  }
  fail_abandoned(abandoned);
  if (admission == Admission::held || admission == Admission::held_for_room) {
    statistics_.count(admission == Admission::held ? held_by : Count::reason_device_full);
    harvester_.add_debt();
    reaper_->ensure_running();
    return Started::yes;
  }
  return start(request, By::submitter, batch, known);
}

// The request was entered, could not be started, and is the caller's again.
void Dispatcher::withdraw(Request& request) {
  DescriptorRecord& record = *requests_.descriptors.at(request.operation.fd);
  record.occupancy.leave(request);
  RecordLock lock(record);
  order::detach(record, request);
}

// Before it goes any other way than straight into the ring.
void Dispatcher::enlist(Request& request) {
  if (request.listed) return;
  DescriptorRecord& record = *requests_.descriptors.at(request.operation.fd);
  RecordLock lock(record);
  order::enlist(record, request);
}

// Requests held back on a number that has become another file.
void Dispatcher::fail_abandoned(Notifiable* abandoned) {
  while (abandoned != nullptr) {
    auto& request = static_cast<Request&>(*abandoned);
    abandoned = abandoned->next;
    harvester_.remove_debt();
    abandon(request);
  }
}

void Dispatcher::drain_now() {
  do {
    release_backlog();
    deferred::drain([this](Request& request) { route(request); });
  } while (!deferred::must_put_aside() && !deferred::requests.empty());
}

// A request that this thread put aside.
void Dispatcher::route(Request& request) {
  switch (request.state.load(std::memory_order_relaxed)) {
    case RequestState::free:
      admit_put_aside(request);
      return;
    case RequestState::finished:
      completions_.notify(request);
      return;
    default:
      break;
  }
  Started started = Started::yes;
  if (request.attempt == Attempt::none) {  // it was held back
    harvester_.remove_debt();
    started = start_again(request);
  } else {
    started = process_answer(request, request.answer(), false, By::later);
  }
  if (started == Started::no_threads) completions_.complete(request, -EAGAIN);
}

// After it was held back.
Dispatcher::Started Dispatcher::start_again(Request& request) {
  if (!is_abandoned(request)) return start(request, By::later);
  abandon(request);
  return Started::yes;
}

void Dispatcher::release_backlog() {
  while (!backlog_.empty() && !deferred::must_put_aside() &&
         context_.in_flight() < context_.capacity()) {
    Request* request = backlog_.pop();
    if (request == nullptr) return;
    harvester_.remove_debt();
    const Started started = start_again(*request);
    if (started == Started::no_threads) completions_.complete(*request, -EAGAIN);
    if (started == Started::ring_full) return;
  }
}

Dispatcher::Started Dispatcher::start(Request& request, By by, SubmissionBatch* batch,
                                      const KnownDescriptor& known) {
  if (route_ == Route::pool || !context_.available()) {
    if (route_ != Route::pool) statistics_.count(Count::reason_unavailable);
    return start_without_kernel(request, by);
  }
  if (request.operation.is_sync()) return submit_kernel(request, Attempt::kernel_sync, by, batch);

  DescriptorTraits traits = known.traits;
  // Asked for only where the first attempt depends on it: a write of which nobody
  // knows whether it may raise SIGPIPE, and the option to wait first.
  if (route_ == Route::poll || (request.operation.is_write() && !context_.has_nosignal())) {
    traits = facts_of(request).traits;
    request.is_stream = traits.is_stream();
    if (route_ == Route::poll && !request.tried && waits_first(request, traits))
      return wait_ready(request, by);
  }
  // The call, or who harvests, would copy all of it if it is cached.
  if (!traits.known() && request.operation.remaining_bytes() > limits::bytes_in_a_call_max)
    traits = facts_of(request).traits;
  if (copies_too_much(request, traits, batch))
    return to_pool(request, route_ == Route::kernel ? Attempt::pool_submit : Attempt::pool_io);
  // The kernel sends SIGXFSZ to whoever submits such a write: not to the caller.
  if (may_exceed_size_limit(request, known)) {
    if (by == By::submitter) note_identity(request.operation.fd);
    return to_pool(request, Attempt::pool_io);
  }
  request.attempt = Attempt::nowait;
  if (traits.refuses_nowait(request.operation.is_read()))
    return start_without_nowait(request, traits, by);
  // An attempt that fails costs: a cold read, for example, begins its readahead.
  const std::uint8_t blocks = request.operation.is_read() ? known.reads_block : known.writes_block;
  if (blocks != 0) {
    if (!traits.known()) traits = facts_of(request).traits;
    if (would_block(request, traits)) {
      Answer answer = describe(request, -EAGAIN, false);
      answer.retried = true;
      Verdict verdict = judge(answer, traits, false);
      if (blocks == surely_blocks) verdict.expect_block = false;  // is expected already
      return act(request, verdict, by);
    }
  }
  return submit_kernel(request, Attempt::nowait, by, batch);
}

Dispatcher::Started Dispatcher::start_without_nowait(Request& request,
                                                     const DescriptorTraits& traits, By by) {
  Answer answer = describe(request, -EOPNOTSUPP, true);
  if (traits.direct) answer.plain_is_quick = plain_is_quick(request, facts_of(request), by);
  return act(request, judge(answer, traits, false), by);
}

// What a stream copies is bounded by its buffers. Nothing else than what is known of lists.
bool Dispatcher::copies_too_much(const Request& request, const DescriptorTraits& traits,
                                 SubmissionBatch* batch) {
  if (!traits.known() || traits.direct || traits.is_stream()) return false;
  const std::size_t size_bytes = request.operation.remaining_bytes();
  return batch != nullptr ? !batch->has_room_for(request.operation.fd, size_bytes)
                          : size_bytes > limits::bytes_in_a_call_max;
}

bool Dispatcher::may_exceed_size_limit(const Request& request, const KnownDescriptor& known) {
  const Operation& operation = request.operation;
  if (!operation.is_write()) return false;
  const std::uint64_t limit_bytes = sys::file_size_limit_bytes();
  if (limit_bytes == RLIM_INFINITY) return false;
  if (operation.offset_bytes < 0 || known.traits.append || (operation.rw_flags & RWF_APPEND) != 0)
    return true;
  return static_cast<std::uint64_t>(operation.offset_bytes) + operation.remaining_bytes() >
         limit_bytes;
}

// Looks closer at a transfer whose predecessors would have blocked: at what is not
// cached, and at writes that no file system does without blocking, or that extend.
bool Dispatcher::would_block(const Request& request, const DescriptorTraits& traits) {
  const Operation& operation = request.operation;
  const std::size_t size_bytes = operation.remaining_bytes();
  bool blocks = false;
  if (traits.kind == DescriptorKind::regular) {
    if (operation.is_write()) {
      std::int64_t end_bytes = 0;
      const bool too_far = __builtin_add_overflow(operation.offset_bytes, size_bytes, &end_bytes);
      blocks = !traits.direct || traits.append || too_far || ends_file(operation.fd, end_bytes - 1);
    } else if (!traits.direct) {
      const Residency range = residency(operation.fd, operation.offset_bytes, size_bytes);
      blocks = range.can_tell && !range.all_cached;
    }
  }
  if (!blocks) expect(request, false);
  return blocks;
}

void Dispatcher::expect(const Request& request, bool blocks) {
  DescriptorRecord& record = *requests_.descriptors.at(request.operation.fd);
  RecordLock lock(record);
  const bool to_read = request.operation.is_read();
  const unsigned now = to_read ? record.reads_block : record.writes_block;
  const unsigned next = blocks ? surely_blocks : now - (now != 0);
  if (to_read) {
    record.reads_block = next & surely_blocks;
  } else {
    record.writes_block = next & surely_blocks;
  }
  record.occupancy.guess_careful(to_read, next != 0);
}

Dispatcher::Started Dispatcher::start_without_kernel(Request& request, By by) {
  if (request.operation.is_sync()) return to_pool(request, Attempt::pool_io);
  const DescriptorTraits traits = facts_of(request).traits;
  request.is_stream = traits.is_stream();
  return waits_first(request, traits) ? wait_ready(request, by) : to_pool_io(request, by);
}

}  // namespace kaio
