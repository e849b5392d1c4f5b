// SPDX-License-Identifier: MIT
// What came of an attempt, and what follows from it.
#include <poll.h>

#include "pool/blocking_io.h"
#include "pool/stream_io.h"
#include "request/deferred.h"
#include "route/dispatcher.h"
#include "route/no_nowait_report.h"
#include "sys/descriptors.h"

namespace kaio {

// In whatever thread harvests, with the harvest lock held.
void Dispatcher::answered(Request& request, std::int32_t answer) {
  if (request.poll.load(std::memory_order_relaxed) != KernelPoll::none) {
    if (!end_poll(request)) return;
  } else if (request.state.load(std::memory_order_relaxed) == RequestState::in_kernel) {
    const Operation& operation = request.operation;
    // By far the most frequent answer, and one that needs no thought.
    const bool whole = operation.is_sync() || (!operation.vectored && answer >= 0 &&
                                               static_cast<std::size_t>(answer) == operation.size);
    if (whole) {
      statistics_.count(Count::by_kernel);
      completions_.complete(request, answer < 0 ? answer : request.done_bytes + answer);
      return;
    }
  }
  request.move_to(RequestState::starting);
  request.set_answer(answer);
  deferred::put_aside(request);
}

Answer Dispatcher::describe(const Request& request, std::int32_t answer, bool refused) const {
  return {.attempt = request.attempt,
          .answer = answer,
          .refused = refused,
          .plain_is_quick = false,  // unless it is asked for
          .route = route_,
          .opcode = request.operation.opcode,
          .remaining_bytes = request.operation.remaining_bytes(),
          .offset_bytes = request.operation.offset_bytes,
          .done_bytes = request.done_bytes,
          .extra_flags = request.operation.rw_flags != 0,
          .is_stream = request.is_stream,
          .retried = request.retried};
}

Dispatcher::Started Dispatcher::process_answer(Request& request, std::int32_t answer, bool refused,
                                               By by) {
  if (request.attempt == Attempt::readiness) return process_readiness(request, answer);
  request.tried = true;
  if (request.operation.is_sync()) {
    if (refused && (answer == -ENOSYS || answer == -EPERM || answer == -EACCES))
      return act(request, {.step = Step::give_up_kernel, .error_number = -answer}, by);
    // io_submit refuses what has no fsync, and a descriptor that is not open.
    finish(request, answer < 0 ? -answer : 0);
    return Started::yes;
  }
  if (answer > 0) {
    request.done_bytes += answer;
    request.operation.advance(static_cast<std::size_t>(answer));
    if (request.is_stream) request.retried = false;
  }
  Answer facts = describe(request, answer, refused);
  const bool final = is_final(facts);
  // Its end is a harvest's, or its submitter's, or has to be found by those who cancel.
  if (!final || (by == By::later && !deferred::is_being_submitted(request))) enlist(request);
  if (final) return act(request, judge(facts, {}, false), by);
  renew_identity(request);
  const DescriptorFacts file = facts_of(request);
  const DescriptorTraits traits = file.traits;
  const Operation& operation = request.operation;
  if (answer == -EOPNOTSUPP) facts.plain_is_quick = plain_is_quick(request, file, by);
  // Not of a file that has got the number meanwhile.
  if (asks_for_pages(facts, traits) && (by == By::submitter || !is_abandoned(request)))
    facts.pages = clear_the_way(operation.fd, operation.offset_bytes, facts.remaining_bytes,
                                operation.is_read());
  return act(request, judge(facts, traits, ends_with_file(request, traits, answer)), by);
}

bool Dispatcher::ends_with_file(const Request& request, const DescriptorTraits& traits,
                                std::int32_t answer) {
  return answer > 0 && request.operation.is_read() && traits.kind == DescriptorKind::regular &&
         ends_file(request.operation.fd, request.operation.offset_bytes);
}

Dispatcher::Started Dispatcher::process_readiness(Request& request, std::int32_t answer) {
  // The number may have become another file while it waited.
  if (answer == -EBADF || is_abandoned(request)) {
    abandon(request);
    return Started::yes;
  }
  if (answer < 0) {
    if (answer == Watcher::time_is_up) answer = request.result_at_deadline();
    completions_.complete(request, request.done_bytes > 0 ? request.done_bytes : answer);
    return Started::yes;
  }
  request.is_stream = true;
  request.retried = true;
  // The ring would take the memory that the deadline is in.
  if (route_ == Route::pool || !context_.available() || request.has_deadline() ||
      facts_of(request).traits.refuses_nowait(request.operation.is_read()))
    return to_pool(request, Attempt::pool_io);
  return submit_kernel(request, Attempt::nowait, By::later, nullptr);
}

Dispatcher::Started Dispatcher::act(Request& request, const Verdict& verdict, By by) {
  if (verdict.reason != Count::size) statistics_.count(verdict.reason);
  if (verdict.mark_stream) request.is_stream = true;
  if (verdict.expect_block) expect(request, true);
  if (verdict.mark_no_nowait) {
    const DescriptorFacts facts = facts_of(request);
    if (facts.traits.direct && !no_nowait_devices_.contains(facts.device)) {
      no_nowait_devices_.insert(facts.device);
      // Once for each: those that the set has no room for are not told of.
      if (!facts.traits.is_stream() && no_nowait_devices_.contains(facts.device))
        report_no_nowait(request.operation.fd, facts.device);
    }
    DescriptorRecord& record = *requests_.descriptors.at(request.operation.fd);
    RecordLock lock(record);
    if (record.occupancy.now().era() == request.era) {
      if (request.operation.is_read()) {
        record.traits.refuses_nowait_reads = true;
      } else {
        record.traits.refuses_nowait_writes = true;
      }
      if (record.traits.known()) record.occupancy.know(record.traits, record.occupancy.now());
    }
  }
  switch (verdict.step) {
    case Step::finish:
      // It may be for the file that has its number now not to wait.
      if (verdict.error_number == EAGAIN && by == By::later && is_abandoned(request)) {
        abandon(request);
      } else {
        finish(request, verdict.error_number);
      }
      return Started::yes;
    case Step::again:
      if (by == By::later && is_abandoned(request)) {
        abandon(request);
        return Started::yes;
      }
      if (request.attempt == Attempt::pool_io) return to_pool(request, Attempt::pool_io);
      return submit_kernel(request, Attempt::nowait, by, nullptr);
    case Step::again_soon:
      if (by == By::later && is_abandoned(request)) {
        abandon(request);
        return Started::yes;
      }
      request.retried = true;
      return submit_kernel(request, Attempt::nowait, by, nullptr);
    case Step::wait_ready:
      request.is_stream = true;
      return wait_ready(request, by);
    case Step::hold:
      return hold(request);
    case Step::submit_plain:
      return submit_plain(request, facts_of(request).device, by);
    case Step::pool_submit:
      return to_pool(request, Attempt::pool_submit);
    case Step::pool_io:
      if (verdict.mark_no_nowait && waits_first(request, facts_of(request).traits)) {
        request.is_stream = true;
        return wait_ready(request, by);
      }
      return to_pool_io(request, by);
    case Step::give_up_kernel:
      // A filter refuses every io_submit, a file only its own.
      if (context_.submit({}) >= 0) {
        finish(request, verdict.error_number);
        return Started::yes;
      }
      context_.give_up(verdict.error_number);
      return start(request, by);
  }
  return Started::yes;
}

void Dispatcher::finish(Request& request, int error_number) {
  statistics_.count(request.attempt == Attempt::pool_io ? Count::by_pool : Count::by_kernel);
  completions_.complete(request, error_number != 0 ? -error_number : request.done_bytes);
}

// What takes several calls goes by a number that stays what it is. Nothing: the request's own
// number has become another file.
std::optional<std::int32_t> Dispatcher::attempt_on_stream(const Request& request,
                                                          const DescriptorFacts& facts) {
  const DescriptorKind kind = facts.traits.kind;
  if (kind == DescriptorKind::socket) return stream_io::attempt(request.operation, kind);
  const sys::Duplicate duplicate(request.operation.fd);
  if (!duplicate.exists()) return stream_io::attempt(request.operation, kind);
  if (facts.traits.known() && !is_same_file(duplicate.fd(), facts.device, facts.inode))
    return std::nullopt;
  Operation operation = request.operation;
  operation.fd = duplicate.fd();
  return stream_io::attempt(operation, kind);
}

// In a pool thread.
std::optional<std::int32_t> Dispatcher::carry_out(Request& request) {
  // Before it blocks: others' notifications may have been left to this thread.
  drain();
  // The number may have become another file while it waited in the queue.
  const std::optional<DescriptorFacts> facts = facts_if_same_file(request);
  if (!facts) {
    abandon(request);
    return std::nullopt;
  }
  learn_whether_it_locks(request, *facts);
  if (request.attempt == Attempt::pool_submit) {
    statistics_.count(Count::submitted_by_pool);
    if (submit_plain(request, facts->device, By::later) == Started::no_threads)
      completions_.complete(request, -EAGAIN);
    return std::nullopt;
  }
  if (request.operation.is_sync()) return blocking_io::perform(request.operation);
  if (!request.is_stream && !facts->traits.is_stream())
    return blocking_io::perform(request.operation);
  const std::optional<std::int32_t> attempted = attempt_on_stream(request, *facts);
  if (!attempted) {
    abandon(request);
    return std::nullopt;
  }
  const std::int32_t answer = *attempted;
  if (answer != stream_io::ends_with_eagain) return answer;
  request.move_to(RequestState::starting);
  finish(request, request.done_bytes > 0 ? 0 : EAGAIN);
  return std::nullopt;
}

bool Dispatcher::carried_out(Request* request, std::int32_t answer) {
  if (request != nullptr) {
    request->move_to(RequestState::starting);
    if (process_answer(*request, answer, false, By::later) == Started::no_threads)
      completions_.complete(*request, -EAGAIN);
  }
  return !harvester_.nothing_there() || !backlog_.empty() || !deferred::requests.empty();
}

void Dispatcher::see_to_others() {
  harvester_.harvest();
  drain();
}

}  // namespace kaio
