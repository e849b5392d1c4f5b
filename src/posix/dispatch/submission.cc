// SPDX-License-Identifier: MIT
// Acceptance, the way into the ring, and what came of it at once.
//
// What most requests take is one function, without a call of ours up to io_submit: the
// kernel's own calls push ours out of the processor's return stack, so each return behind a
// system call is predicted wrongly, and takes some 20 cycles. (The simplest ones have a function of
// their own: posix/api/straight.cc.)
#include <linux/fs.h>

#include "core/kernel/iocb.h"
#include "core/kernel/sigpipe_guard.h"
#include "core/threads/cached_read.h"
#include "posix/dispatch/dispatcher.h"
#include "posix/request/deferred.h"
#include "sys/errno_kept.h"
#include "sys/size_limit.h"

#define KAIO_STRAIGHT [[gnu::always_inline]] inline  // part of that function

namespace kaio {
namespace {

// Apart, as single reads do not come here.
[[gnu::noinline]] bool has_nothing_else_to_ask(const IoOperation& operation, bool has_nosignal,
                                               Occupancy::View now) noexcept {
  if (operation.is_sync() || operation.remaining_bytes() > limits::bytes_in_a_call_max)
    return false;
  return operation.is_read() ||
         (has_nosignal && (operation.rw_flags & RWF_APPEND) == 0 &&
          (now.writes_are_unlimited() || sys::file_size_limit_bytes() == RLIM_INFINITY));
}

[[gnu::noinline]] bool may_join(SubmissionBatch& batch, const IoOperation& operation) noexcept {
  return batch.has_identified(operation.fd) &&
         batch.has_room_for(operation.fd, operation.remaining_bytes());
}

}  // namespace

// False: not accepted, and still the caller's.
bool Dispatcher::submit(Request& request, SubmissionBatch* batch) {
  request.pushed =
      request.notification.kind != Notification::Kind::none ||
      (request.group != nullptr && request.group->notification.kind != Notification::Kind::none);
  statistics_.count(Count::submitted);  // before it can complete; and then the thread has a number
  SubmittingCall::begin(request.identity());
  if (deferred::must_put_aside()) {
    deferred::put_aside(request);
    return true;
  }
  if (admit(request, batch)) return true;
  statistics_.uncount(Count::submitted);
  return false;
}

void Dispatcher::admit_put_aside(Request& request) {
  if (admit(request, nullptr)) return;
  // Accepted in a signal handler; it is too late to refuse it.
  request.operation.fd = -1;
  completer_.complete(request, -EAGAIN);
}

KAIO_STRAIGHT bool Dispatcher::admit(Request& request, SubmissionBatch* batch) {
  if (request.pushed && !reaper_thread_.ensure_running()) return false;
  DescriptorRecord* record = requests_.descriptors.at(request.operation.fd);
  if (record == nullptr) {
    if (request.operation.fd >= 0) return false;
    completer_.complete(request, -EBADF);
    return true;
  }
  if (batch == nullptr && record->occupancy.now().reads_are_cached() &&
      read_cached(*record, request))
    return true;
  Started started{};
  // Of a list, all answers may be somebody else's to handle: then what the descriptor is
  // has to be known before.
  const Occupancy::View now = record->occupancy.now();
  if (goes_straight_into_the_ring(request, now) &&
      (batch == nullptr ? !is_compared_first(now) : may_join(*batch, request.operation)) &&
      record->occupancy.enter_unlisted(request, batch != nullptr)) {
    request.move_to(TransferState::starting);
    started = submit_into_ring(*record, request, Attempt::nowait, By::submitter, batch);
  } else {
    started = admit_listed(*record, request, batch);
  }
  return started != Started::no_threads || !withdraw_or_wait(request);
}

// Gives the request back to its caller; but if a part of it is done, it waits for a thread, and
// this returns false.
bool Dispatcher::withdraw_or_wait(Request& request) {
  if (request.done_bytes == 0) {
    withdraw(request);
    return true;
  }
  await_thread(request);
  return false;
}

// Nothing has to be asked before the first attempt, unless it is by the descriptor.
KAIO_STRAIGHT bool Dispatcher::goes_straight_into_the_ring(const Request& request,
                                                           Occupancy::View now) {
  const IoOperation& operation = request.operation;
  if (!has_kernel_aio()) return false;
  // Of larger ones it depends on what the descriptor is.
  if (operation.is_read() && !operation.vectored)
    return operation.size <= limits::bytes_in_a_call_max;
  return has_nothing_else_to_ask(operation, context_.has_nosignal(), now);
}

// What is cached is read in two thirds of the time by calls of its own, instead of by
// kernel AIO.
KAIO_STRAIGHT bool Dispatcher::read_cached(DescriptorRecord& record, Request& request) {
  IoOperation& operation = request.operation;
  if (operation.size > limits::bytes_in_a_call_max || !cached_read::suits(operation)) return false;
  const std::int64_t answer = cached_read::perform(operation);
  if (answer < 0 || static_cast<std::size_t>(answer) != operation.size) {
    record.occupancy.guess_cached_reads(false);
    // One that is direct now is asked again only when the count has gone round.
    if (answer != -EINVAL) record.reads_completed_inline.store(0, std::memory_order_relaxed);
    return false;
  }
  statistics_.count(Count::by_caller);
  statistics_.count(Count::at_once);
  operation.fd = -1;  // it has never been on the descriptor's record
  completer_.complete(request, answer);
  return true;
}

Started Dispatcher::submit_by_kernel(Transfer& transfer, Attempt attempt, By by,
                                     SubmissionBatch* batch) {
  Request& request = request_of(transfer);
  DescriptorRecord& record = *requests_.descriptors.at(request.operation.fd);
  return submit_into_ring(record, request, attempt, by, batch);
}

// `record`: where it has entered.
KAIO_STRAIGHT Started Dispatcher::submit_into_ring(DescriptorRecord& record, Request& request,
                                                   Attempt attempt, By by, SubmissionBatch* batch) {
  if ((by == By::submitter && !backlog_.empty()) || !context_.reserve())
    return to_backlog(request, by);
  if (by == By::later && !reaper_thread_.ensure_running()) {
    context_.unreserve();
    return Started::no_threads;
  }
  prepare_control(request, attempt, by);
  request.move_to(TransferState::in_kernel);
  const bool to_read = request.operation.is_read();
  const bool may_raise_sigpipe =
      request.is_stream && request.operation.is_write() && !context_.has_nosignal();
  if (batch != nullptr && attempt != Attempt::plain && !may_raise_sigpipe) {
    batch->add(request.control);
    return Started::yes;
  }
  // Whether what the descriptor is may be learnt from what becomes of this read.
  const bool tells = to_read && attempt == Attempt::nowait && request.has_turn && !request.listed;
  const Given given{
      .seen = record.occupancy.now(),
      .generation = request.generation(),
      .fd_generation = request.fd_generation,
      .posted = context_.ring().usable() ? context_.ring().posted() : 0,
      .fd = request.operation.fd,
      .reads = to_read,
      .tells = tells,
  };
  const auto submit_now = [&] {
    return may_raise_sigpipe ? submit_guarded(request.control) : context_.submit(request.control);
  };
  int outcome = submit_now();
  if (outcome == -EAGAIN) {
    // Unreaped completions occupy places: take them, and try once more.
    ring_reaper_.reap();
    outcome = submit_now();
  }
  if (outcome != 1) return submitted(request, outcome, by);
  ring_reaper_.reap();  // what was done at once is there already
  return by == By::later ? Started::yes : look_after(record, request, given);
}

Started Dispatcher::look_after(DescriptorRecord& record, Request& request, const Given& given) {
  const bool over = is_over(request, given.generation);
  if (over) statistics_.count(Count::at_once);
  if (given.reads) learn_from_read(record, given.fd, over);
  if (over) return Started::yes;
  const bool answers_came = !context_.ring().usable() || context_.ring().posted() != given.posted;
  // As long as the call has not returned, it can still be refused for want of a thread.
  if (answers_came && deferred::take_back(request)) return route(request, By::submitter);
  if (answers_came && may_be_in_other_hands(request)) {
    note_identity(given.fd);
    if (answer_is_elsewhere(request, given)) settle_identity(record, request, given);
  } else if (given.tells && !is_over(request, given.generation)) {  // in that order: the slot is
    record.occupancy.know_reads_unordered(given.seen.epoch());      // used again
  }
  return Started::yes;
}

bool Dispatcher::go_on(DescriptorRecord& record, Request& request, const Given& given,
                       int outcome) {
  const sys::ErrnoKept errno_kept;
  const sys::MayStartThreads may_start_threads(true);
  if (outcome == -EAGAIN) {
    ring_reaper_.reap();
    outcome = context_.submit(request.control);
  }
  Started started{};
  if (outcome == 1) {
    ring_reaper_.reap();
    started = look_after(record, request, given);
  } else {
    started = submitted(request, outcome, By::submitter);
  }
  if (started != Started::no_threads || !withdraw_or_wait(request)) return true;
  statistics_.uncount(Count::submitted);
  return false;
}

KAIO_STRAIGHT void Dispatcher::prepare_control(Request& request, Attempt attempt, By by) {
  const IoOperation& operation = request.operation;
  request.attempt = attempt;
  if (attempt == Attempt::kernel_sync) {
    iocb_of::sync(request.control, operation);
  } else {
    std::uint32_t more_flags = attempt == Attempt::nowait ? RWF_NOWAIT : 0;
    if (operation.is_write() && context_.has_nosignal()) more_flags |= iocb_of::rwf_nosignal;
    iocb_of::transfer(request.control, operation, request.is_stream, more_flags);
  }
  request.control.data = static_cast<Transfer*>(&request);
  // Whoever waits for a request that was not in the ring may be asleep where only its end
  // is seen (posix/wait/waiter.cc), so that end has to be acted upon.
  if (by == By::later) {
    iocb_of::signal_eventfd(request.control, reaper_thread_.doorbell());
  } else if (request.pushed) {
    iocb_of::signal_eventfd(request.control, completer_.doorbell_for(request));
  }
}

// Needed for streams on kernels without RWF_NOSIGNAL.
int Dispatcher::submit_guarded(iocb& control) noexcept {
  const SigpipeGuard guard;
  return context_.submit(control);
}

// Another thread may have the answer in its hands: it may look at the descriptor only after
// this call has returned and the program has closed it. Not if nobody has any answer, and
// this one has not changed the state: whoever handles answers holds the lock meanwhile.
bool Dispatcher::may_be_in_other_hands(const Request& request) const noexcept {
  return !context_.ring().usable() || !context_.ring().empty() || ring_reaper_.led() ||
         request.state.load(std::memory_order_seq_cst) != TransferState::in_kernel;
}

// Whether it has to be noted, or compared with what is noted, before the request starts which file
// the descriptor is, because others could not see that its call is under way, or the call could not
// see that its answer has come.
bool Dispatcher::is_compared_first(Occupancy::View now) const noexcept {
  return !SubmittingCall::is_visible() || (now.is_known() && !context_.ring().usable());
}

// Somebody else is about to judge the answer by what is noted of the descriptor, and was noted
// before this call.
bool Dispatcher::answer_is_elsewhere(const Request& request, const Given& given) const noexcept {
  const Ring ring = context_.ring();
  return given.seen.is_known() && ring.usable() && SubmittingCall::is_visible() &&
         ring.has_posted(request.control, given.posted) && !is_over(request, given.generation);
}

void Dispatcher::ask_whether_cached(DescriptorRecord& record, int fd) {
  const sys::ErrnoKept errno_kept;
  const DescriptorTraits traits = carrier_.ask_facts(fd).traits;
  if (traits.kind == DescriptorKind::regular && !traits.direct)
    record.occupancy.guess_cached_reads(true);
}

// io_submit took nothing, and said why.
Started Dispatcher::submitted(Request& request, int outcome, By by) {
  context_.unreserve();
  // A leader may count on its end in the ring. First the state, which it looks at when it
  // is woken.
  request.move_to(TransferState::starting);
  ring_reaper_.wake_leader();
  if (outcome == -EAGAIN || outcome == 0) return to_backlog(request, by);
  // Perhaps not for its own descriptor: the program may have closed the doorbell.
  if ((outcome == -EBADF || outcome == -EINVAL) && by == By::submitter && request.pushed) {
    completer_.doubt_doorbell_for(request);
    return submit_by_kernel(request, request.attempt, By::later, nullptr);
  }
  return carrier_.process_result(request, outcome, true, by);
}

void Dispatcher::submit(SubmissionBatch& batch) {
  std::span<iocb*> rest = batch.iocbs();
  while (!rest.empty()) {
    const int outcome = context_.submit(rest);
    if (outcome > 0) {
      rest = rest.subspan(static_cast<std::size_t>(outcome));
      continue;
    }
    // The first one is refused; the others behind it are not to blame.
    Request& request = request_of(*static_cast<Transfer*>(rest.front()->data));
    rest = rest.subspan(1);
    if (outcome == -EAGAIN) ring_reaper_.reap();
    if (submitted(request, outcome, By::submitter) == Started::no_threads)
      refuse_element(batch, request);
  }
  ring_reaper_.reap();
  // What was answered at once, as long as the call can still say what is refused.
  const sys::ErrnoKept errno_kept;
  deferred::drain([&](Request& request) {
    if (route(request, By::later) == Started::no_threads) refuse_element(batch, request);
  });
}

// Of the list that is being submitted; any other request waits.
void Dispatcher::refuse_element(SubmissionBatch& batch, Request& request) {
  if (request.done_bytes > 0 || !batch.has(request.control)) return await_thread(request);
  withdraw(request);
  statistics_.uncount(Count::submitted);
  batch.refuse(request);
}

}  // namespace kaio
