// SPDX-License-Identifier: MIT
// The attempts: kernel, poll, pool, and the two places to wait in.
#include "kernel/iocb.h"
#include "kernel/sigpipe_guard.h"
#include "pool/blocking_io.h"
#include "request/deferred.h"
#include "route/dispatcher.h"

namespace kaio {
namespace {

// Polls may fill only half of the ring, so that waiting streams, however many,
// leave room for file I/O; further ones wait by epoll.
constexpr std::uint32_t kernel_polls_share = 2;

// So many reads in a row that were done at once make it worth asking whether they are of
// a cached file.
constexpr std::uint8_t reads_at_once_to_ask = 8;

}  // namespace

inline void Dispatcher::prepare_control(Request& request, Attempt attempt, By by) {
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
  if (attempt == Attempt::readiness || by == By::later) {
    iocb_of::ring_doorbell(request.control, context_.doorbell());
  } else if (request.pushed) {
    iocb_of::ring_doorbell(request.control, completions_.doorbell_for(request));
  }
}

Dispatcher::Started Dispatcher::submit_kernel(Request& request, Attempt attempt, By by,
                                              SubmissionBatch* batch) {
  if (by == By::later && !reaper_->ensure_running()) return Started::no_threads;
  prepare_control(request, attempt, by);
  if ((by == By::submitter && !backlog_.empty()) || !context_.reserve())
    return to_backlog(request, by);
  request.move_to(RequestState::in_kernel);
  const bool may_raise_sigpipe =
      request.is_stream && request.operation.is_write() && !context_.has_nosignal();
  if (batch == nullptr || attempt == Attempt::plain || may_raise_sigpipe)
    return submit_alone(request, by, may_raise_sigpipe);
  batch->add(request.control);
  return Started::yes;
}

// By a system call of its own.
Dispatcher::Started Dispatcher::submit_alone(Request& request, By by, bool may_raise_sigpipe) {
  const int fd = request.operation.fd;
  const bool to_read = request.operation.is_read();
  // Whether what the descriptor is may be learnt from what becomes of this read.
  const bool tells =
      to_read && request.has_turn && !request.listed && request.attempt == Attempt::nowait;
  DescriptorRecord& record = *requests_.descriptors.at(fd);  // it has entered there
  const std::uint8_t lives = record.occupancy.now().lives();
  const std::uint32_t generation = Requests::generation_of(request);
  const std::uint32_t posted = context_.ring().usable() ? context_.ring().posted() : 0;
  int outcome = submit_now(request.control, may_raise_sigpipe);
  if (outcome == -EAGAIN) {
    // Unreaped completions occupy places: take them, and try once more.
    harvester_.harvest();
    outcome = submit_now(request.control, may_raise_sigpipe);
  }
  if (outcome != 1) return submitted(request, outcome, by);
  harvester_.harvest();  // what was done at once is there already
  if (by == By::later) return Started::yes;
  const bool over = is_over(request, generation);
  if (over) statistics_.count(Count::at_once);
  if (to_read) learn_from_read(record, fd, over);
  if (over) return Started::yes;
  const bool answers_came = !context_.ring().usable() || context_.ring().posted() != posted;
  if (answers_came && may_be_in_other_hands(request)) {
    note_identity(fd);
  } else if (tells) {
    record.occupancy.know_reads_unordered(lives);
  }
  return Started::yes;
}

// Another thread may have the answer in its hands: it may look at the descriptor only after
// this call has returned and the program has closed it. Not if nobody has any answer, and
// this one has not changed the state: who handles answers holds the lock meanwhile.
bool Dispatcher::may_be_in_other_hands(const Request& request) const noexcept {
  return !context_.ring().usable() || !context_.ring().empty() || harvester_.led() ||
         request.state.load(std::memory_order_seq_cst) != RequestState::in_kernel;
}

int Dispatcher::submit_now(iocb& control, bool may_raise_sigpipe) noexcept {
  if (!may_raise_sigpipe) return context_.submit(control);
  // Needed for streams on kernels without RWF_NOSIGNAL.
  const SigpipeGuard guard;
  return context_.submit(control);
}

// That life of the request's.
bool Dispatcher::is_over(const Request& request, std::uint32_t generation) noexcept {
  return Requests::generation_of(request) != generation ||
         request.state.load(std::memory_order_acquire) == RequestState::finished;
}

// What is cached is read in two thirds of the time by calls of its own, instead of by
// kernel AIO.
bool Dispatcher::read_cached(DescriptorRecord& record, Request& request) {
  Operation& operation = request.operation;
  if (!blocking_io::can_read_cached(operation)) return false;
  const std::int64_t answer = blocking_io::read_cached(operation);
  if (answer < 0 || static_cast<std::size_t>(answer) != operation.size) {
    record.occupancy.guess_cached_reads(false);
    // One that is direct now is asked again only when the count has gone round.
    if (answer != -EINVAL) record.reads_at_once.store(0, std::memory_order_relaxed);
    return false;
  }
  statistics_.count(Count::by_caller);
  statistics_.count(Count::at_once);
  operation.fd = -1;  // it has never been on the descriptor's record
  completions_.complete(request, answer);
  return true;
}

void Dispatcher::learn_from_read(DescriptorRecord& record, int fd, bool at_once) {
  std::uint8_t count = record.reads_at_once.load(std::memory_order_relaxed);
  // Once asked, it is asked again when the count has gone round.
  if (!at_once && (count == 0 || count >= reads_at_once_to_ask)) return;
  count = at_once ? static_cast<std::uint8_t>(count + 1) : 0;
  record.reads_at_once.store(count, std::memory_order_relaxed);
  if (count != reads_at_once_to_ask || route_ != Route::automatic) return;
  const DescriptorTraits traits = ask_facts(fd).traits;
  if (traits.kind == DescriptorKind::regular && !traits.direct)
    record.occupancy.guess_cached_reads(true);
}

// io_submit took nothing, and said why.
Dispatcher::Started Dispatcher::submitted(Request& request, int outcome, By by) {
  context_.unreserve(1);
  // A leader may count on its end in the ring. First the state, which it looks at when
  // called.
  request.move_to(RequestState::starting);
  harvester_.call_leader();
  if (outcome == -EAGAIN || outcome == 0) return to_backlog(request, by);
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

Dispatcher::Started Dispatcher::wait_ready(Request& request, By by) {
  const int fd = request.operation.fd;
  const std::uint32_t generation = Requests::generation_of(request);
  if (route_ == Route::pool || !poll_by_kernel(request)) {
    request.attempt = Attempt::readiness;
    if (!watcher_.watch(request)) return Started::no_threads;
  }
  if (by == By::later) end_wait_if_abandoned(fd, request, generation);
  return Started::yes;
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
        is_same_file(fd, record.device, record.inode)) return;
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
  if (!context_.available() || !reaper_->ensure_running()) return false;
  if (kernel_polls_.fetch_add(1) >= context_.capacity() / kernel_polls_share ||
      !context_.reserve()) {
    kernel_polls_.fetch_sub(1);
    return false;
  }
  prepare_control(request, Attempt::readiness, By::later);
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
  return pool_.submit(request, company_of(request)) ? Started::yes : Started::no_threads;
}

// Buffered writes, and those that extend their file, hold its lock all the time. (Until a
// buffered one is durable it waits without, and several by one commit. A device is written
// by several at once.)
Company Dispatcher::company_of(const Request& request) {
  const Operation& operation = request.operation;
  if (!operation.is_write()) return Company::any;
  const DescriptorFacts facts = facts_of(request);
  const DescriptorTraits& traits = facts.traits;
  if (traits.kind != DescriptorKind::regular) return Company::any;
  const bool durable = traits.synchronous || (operation.rw_flags & (RWF_DSYNC | RWF_SYNC)) != 0;
  const bool holds = traits.direct ? request.attempt == Attempt::pool_submit : !durable;
  return holds && locks_its_file(request, facts) ? Company::none : Company::any;
}

bool Dispatcher::locks_its_file(const Request& request, const DescriptorFacts& facts) {
  if (locking_devices_.contains(facts.device)) return true;
  if (other_devices_.contains(facts.device)) return false;
  const bool locks = locks_file_to_write(request.operation.fd);
  (locks ? locking_devices_ : other_devices_).insert(facts.device);
  return locks;
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
