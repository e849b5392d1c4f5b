// SPDX-License-Identifier: MIT
#include "posix/dispatch/dispatcher.h"

#include "sys/errno_kept.h"

namespace kaio {

Dispatcher::Dispatcher(Requests& requests, Completer& completer, Context& context,
                       RingReaper& ring_reaper, ReaperThread& reaper_thread, const Route& route,
                       Statistics& statistics) noexcept
    : requests_(requests), completer_(completer), context_(context), ring_reaper_(ring_reaper),
      reaper_thread_(reaper_thread), route_(route), statistics_(statistics),
      carrier_(*this, context, watcher_, pool_, route, statistics),
      watcher_(*this, statistics, this), pool_(*this, statistics, this) {}

Started Dispatcher::admit_listed(DescriptorRecord& record, Request& request,
                                 SubmissionBatch* batch) {
  Transfer* abandoned = nullptr;
  Admission admission{};
  KnownFile known;
  // Once it is held and unlocked the request may be over.
  const Count held_by = request.operation.is_sync() ? Count::held_by_fence : Count::held_by_order;
  const Life life = life_of(request);
  bool may_need_pool = true;
  {
    RecordLock lock(record);
    const Occupancy::View before = order::enter(record, request);
    bool same_file = false;
    if (batch != nullptr ? !batch->has_identified(request.operation.fd)
                         : is_compared_first(before)) {
      if (batch != nullptr) batch->identified(request.operation.fd);
      same_file = record.traits.known();
      if (same_file && !is_same_file(request.operation.fd, record.device, record.inode))
        abandoned = order::begin_fd_generation(record, &request);
    }
    admission = order::admit(record, request, before, same_file);
    if (batch != nullptr || !SubmittingCall::is_visible())
      know_traits(record, request.operation.fd);
    if (batch != nullptr && record.traits.direct) batch->copies_nothing(request.operation.fd);
    if (admission == Admission::needs_traits) {
      know_traits(record, request.operation.fd);
      // Not open: nothing to keep in order; the attempt will say so.
      if (!record.traits.known()) record.traits.kind = DescriptorKind::character;
      admission = order::admit(record, request, before, same_file);
    }
    if (admission == Admission::needs_identity) {
      if (!is_same_file(request.operation.fd, record.device, record.inode))
        abandoned = order::begin_fd_generation(record, &request);
      admission = order::admit(record, request, before, true);
      if (admission == Admission::needs_traits) {
        request.move_to(TransferState::starting);
        admission = Admission::start;
      }
    }
    known = {.traits = record.traits,
             .reads_block = record.reads_block,
             .writes_block = record.writes_block};
    // A stream's has the thread of whoever was before it.
    may_need_pool =
        !record.traits.is_stream() && !(request.operation.is_sync() && has_kernel_aio());
  }
  fail_abandoned(abandoned);
  if (admission == Admission::held || admission == Admission::held_for_room) {
    statistics_.count(admission == Admission::held ? held_by : Count::reason_device_full);
    ring_reaper_.require_reaping();
    const bool has_reaper = reaper_thread_.ensure_running();
    const bool has_pool = !may_need_pool || pool_.promise_thread();
    const bool has_threads = has_reaper && (has_pool || admission == Admission::held_for_room);
    return has_threads || !take_back_held(record, request, life) ? Started::yes
                                                                 : Started::no_threads;
  }
  return carrier_.start(request, By::submitter, batch, known);
}

// False: its turn has come meanwhile.
bool Dispatcher::take_back_held(DescriptorRecord& record, Request& request, Life life) {
  {
    RecordLock lock(record);
    // The state first, then whether it is this life's.
    const TransferState state = request.state.load();
    if (state != TransferState::held || requests_.find(request.slot, life.generation) == nullptr ||
        request.operation.fd != life.fd)
      return false;
    order::unhold(record, request);
  }
  ring_reaper_.release_reaping();
  return true;
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
void Dispatcher::fail_abandoned(Transfer* abandoned) {
  while (abandoned != nullptr) {
    Request& request = request_of(*abandoned);
    abandoned = abandoned->next;
    ring_reaper_.release_reaping();
    abandon(request);
  }
}

void Dispatcher::drain_now() {
  const sys::ErrnoKept errno_kept;
  do {
    release_backlog();
    deferred::drain([this](Request& request) {
      if (route(request, By::later) == Started::no_threads) await_thread(request);
    });
  } while (!deferred::must_put_aside() && !deferred::requests.empty());
}

// A request that this thread put aside: its state says why.
Started Dispatcher::route(Request& request, By by) {
  switch (request.state.load(std::memory_order_relaxed)) {
    case TransferState::free:
      admit_put_aside(request);
      return Started::yes;
    case TransferState::finished:
      completer_.notify(request);
      return Started::yes;
    default:
      break;
  }
  // It has been in other hands since its call submitted it. Whoever has begun to wait for it
  // then may have seen it off the ring, and sleep where only its end is seen.
  if (request.tried) by = By::later;
  // If it was held back, its last answer no longer counts.
  const bool was_held = request.attempt == Attempt::none;
  if (!was_held) return carrier_.process_result(request, request.answer(), false, by);
  ring_reaper_.release_reaping();
  renew_identity(request);  // if this is its call still
  return start_again(request);
}

// After it was held back.
Started Dispatcher::start_again(Request& request) {
  if (!is_abandoned(request)) return carrier_.start(request, By::later);
  abandon(request);
  return Started::yes;
}

void Dispatcher::release_backlog() {
  while (!backlog_.empty() && !deferred::must_put_aside() &&
         context_.in_flight() < context_.capacity()) {
    Request* request = request_of(backlog_.pop());
    if (request == nullptr) return;
    ring_reaper_.release_reaping();
    const Started started = start_again(*request);
    if (started == Started::no_threads) await_thread(*request);
    if (started == Started::ring_full) return;
  }
}

bool Dispatcher::call() noexcept {
  threads_are_wanted_.store(true, std::memory_order_seq_cst);
  if (!reaper_thread_.ensure_running()) return false;
  reaper_thread_.wake();
  return true;
}

std::int64_t Dispatcher::start_wanted_threads() {
  if (!threads_are_wanted()) return sys::forever;
  if (threads_are_wanted_.exchange(false)) {
    pool_.start_threads();
    watcher_.start_threads();
  }
  const std::int64_t pause_ns = start_those_without_thread();
  drain();
  return pause_ns;
}

// It is ended by whoever reaps, or by its submitter, or has to be found by whoever cancels.
void Dispatcher::result_is_looked_at(Transfer& transfer, bool is_final, By by) {
  Request& request = request_of(transfer);
  if (!is_final || (by == By::later && !SubmittingCall::is_of(request))) enlist(request);
}

void Dispatcher::refuses_nowait(const Transfer& transfer) {
  DescriptorRecord& record = *requests_.descriptors.at(transfer.operation.fd);
  RecordLock lock(record);
  if (record.occupancy.now().fd_generation() != transfer.fd_generation) return;
  if (transfer.operation.is_read()) {
    record.traits.refuses_nowait_reads = true;
  } else {
    record.traits.refuses_nowait_writes = true;
  }
  if (record.traits.known()) record.occupancy.know(record.traits, record.occupancy.now());
}

void Dispatcher::expect(const Transfer& transfer, bool blocks) {
  DescriptorRecord& record = *requests_.descriptors.at(transfer.operation.fd);
  RecordLock lock(record);
  const bool to_read = transfer.operation.is_read();
  const unsigned now = to_read ? record.reads_block : record.writes_block;
  const unsigned next = blocks ? surely_blocks : now - (now != 0);
  if (to_read) {
    record.reads_block = next & surely_blocks;
  } else {
    record.writes_block = next & surely_blocks;
  }
  record.occupancy.guess_careful(to_read, next != 0);
}

}  // namespace kaio
