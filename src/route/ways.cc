// SPDX-License-Identifier: MIT
// The attempts: kernel, poll, pool, and the two places to wait in.
#include "kernel/iocb.h"
#include "kernel/sigpipe_guard.h"
#include "request/deferred.h"
#include "route/dispatcher.h"

namespace kaio {
namespace {

// Polls may fill only half of the ring, so that waiting streams, however many,
// leave room for file I/O; further ones wait by epoll.
constexpr std::uint32_t kernel_polls_share = 2;

// Where answered() finds out that a completion came inside the submitting call.
KAIO_THREAD_LOCAL const Request* being_submitted = nullptr;

}  // namespace

bool is_being_submitted(const Request& request) noexcept { return being_submitted == &request; }

void Dispatcher::prepare_control(Request& request, Attempt attempt, By by) {
  const Operation& operation = request.operation;
  request.attempt = attempt;
  std::uint32_t more_flags = attempt == Attempt::nowait ? RWF_NOWAIT : 0;
  if (operation.is_write() && context_.has_nosignal()) more_flags |= iocb_of::rwf_nosignal;
  if (attempt == Attempt::kernel_sync) {
    iocb_of::sync(request.control, operation);
  } else if (attempt == Attempt::readiness) {
    iocb_of::readiness(request.control, operation.fd, operation.is_read());
  } else {
    iocb_of::transfer(request.control, operation, request.is_stream, more_flags);
  }
  request.control.data = &request;
  // A poll only begins something: somebody has to go on with it at once. And who
  // waits for a request that was not in the ring may be asleep where only its end
  // wakes him (complete/waiter.cc), so that end has to be acted upon.
  if (request.pushed || attempt == Attempt::readiness || by == By::later)
    iocb_of::ring_doorbell(request.control, context_.doorbell());
}

Dispatcher::Started Dispatcher::submit_kernel(Request& request, Attempt attempt, By by,
                                              SubmissionBatch* batch) {
  if (by == By::later && !reaper_->ensure_running()) return Started::no_threads;
  prepare_control(request, attempt, by);
  if ((by == By::submitter && !backlog_.empty()) || !context_.reserve())
    return to_backlog(request);
  request.move_to(RequestState::in_kernel);
  const bool may_raise_sigpipe =
      request.is_stream && request.operation.is_write() && !context_.has_nosignal();
  if (batch != nullptr && attempt != Attempt::plain && !may_raise_sigpipe) {
    batch->add(request.control);
    return Started::yes;
  }
  const Request* outer = being_submitted;
  being_submitted = &request;
  iocb* control = &request.control;
  int outcome = 0;
  {
    // Needed for streams on kernels without RWF_NOSIGNAL; free otherwise.
    const SigpipeGuard guard(may_raise_sigpipe);
    outcome = context_.submit({&control, 1});
    if (outcome == -EAGAIN) {
      // Unreaped completions occupy places: take them, and try once more.
      harvester_.harvest();
      outcome = context_.submit({&control, 1});
    }
  }
  if (outcome == 1) harvester_.harvest();  // what was done at once is there already
  being_submitted = outer;
  return outcome == 1 ? Started::yes : submitted(request, outcome, by);
}

// io_submit took nothing, and said why.
Dispatcher::Started Dispatcher::submitted(Request& request, int outcome, By by) {
  context_.unreserve(1);
  // A leader may count on its end in the ring. First the state, which it looks at when
  // called.
  request.move_to(RequestState::starting);
  harvester_.call_leader();
  if (outcome == -EAGAIN || outcome == 0) return to_backlog(request);
  return process_answer(request, outcome, true, by);
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
    auto& request = *static_cast<Request*>(rest.front()->data);
    rest = rest.subspan(1);
    if (outcome == -EAGAIN) harvester_.harvest();
    if (submitted(request, outcome, By::submitter) == Started::no_threads)
      completions_.complete(request, -EAGAIN);
  }
  harvester_.harvest();
}

Dispatcher::Started Dispatcher::to_backlog(Request& request) {
  statistics_.count(Count::reason_ring_full);
  request.attempt = Attempt::none;
  backlog_.push(request);
  harvester_.add_debt();
  reaper_->ensure_running();
  return Started::ring_full;
}

Dispatcher::Started Dispatcher::wait_ready(Request& request) {
  if (request.cancel_wanted.load()) {
    completions_.complete(request, -ECANCELED);
    return Started::yes;
  }
  if (route_ != Route::pool && poll_by_kernel(request)) return Started::yes;
  request.attempt = Attempt::readiness;
  const std::uint32_t generation = Requests::generation_of(request);
  if (!watcher_.watch(request)) return Started::no_threads;
  // As for a poll: a canceller may have come between the look above and this.
  if (requests_.find(request.slot, generation) != nullptr && request.cancel_wanted.load() &&
      watcher_.remove(request))
    completions_.complete(request, -ECANCELED);
  return Started::yes;
}

// False: not this way, and nothing done.
bool Dispatcher::poll_by_kernel(Request& request) {
  if (!context_.available() || !reaper_->ensure_running()) return false;
  if (kernel_polls_.fetch_add(1) >= context_.capacity() / kernel_polls_share ||
      !context_.reserve()) {
    kernel_polls_.fetch_sub(1);
    return false;
  }
  const std::uint32_t generation = Requests::generation_of(request);
  prepare_control(request, Attempt::readiness, By::later);
  request.move_to(RequestState::polling);
  iocb* control = &request.control;
  if (context_.submit({&control, 1}) != 1) {
    // EINVAL: more than one wait queue, as terminals have.
    context_.unreserve(1);
    kernel_polls_.fetch_sub(1);
    request.move_to(RequestState::starting);
    harvester_.call_leader();
    return false;
  }
  statistics_.count(Count::waits_by_kernel_poll);
  // A canceller that came before the state said `polling` has left it to us. The
  // request may be over and its slot in use again: then this wakes another poll
  // for nothing, which looks, and waits again.
  if (requests_.find(request.slot, generation) != nullptr && request.cancel_wanted.load())
    context_.cancel(request.control);
  return true;
}

Dispatcher::Started Dispatcher::to_pool(Request& request, Attempt attempt) {
  request.attempt = attempt;
  return pool_.submit(request) ? Started::yes : Started::no_threads;
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
