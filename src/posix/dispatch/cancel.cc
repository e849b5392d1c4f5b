// SPDX-License-Identifier: MIT
// Cancelling: what waits in a container of ours is taken out of it, under the
// container's lock; what waits in the kernel for readiness is taken from its poll
// (request.h), which is then told to end, and ends when it likes; what the kernel or
// a pool thread is doing goes on. (A try on a stream does not take long, and what it leads
// to is waited for.) A stream's write of which a part went, and which waits for room, ends
// with the bytes that went: it was not cancelled, but is over.
//
// What is not found. A request leaves its descriptor before its status is published. A listed
// one stays in the list until after that; an unlisted one cannot be found any more. Only a
// thread that reaps completes an unlisted one after the call that submitted it has returned
// (others are listed first: Dispatcher::result_is_looked_at). So a canceller that has looked at
// the descriptor, and then finds that nobody is reaping, knows that all which it has not found
// are over.
#include <sys/syscall.h>
#include <time.h>

#include <utility>

#include "posix/dispatch/dispatcher.h"
#include "posix/request/deferred.h"
#include "sys/direct_call.h"

namespace kaio {
namespace {

// A request between two ways is in some thread's hands for a moment only, unless
// that thread has to wait for a processor, or is the one that a handler interrupted.
constexpr std::int64_t motion_ns_max = 500'000'000;
constexpr int looks_without_sleep = 50;
// Whoever reaps is mostly done sooner.
constexpr int looks_at_a_reap = 100;
// Not by sched_yield(): threads that yield in turn can keep the one that is waited
// for from getting a processor.
constexpr timespec look_interval = {.tv_sec = 0, .tv_nsec = 50'000};

}  // namespace

class Dispatcher::Canceller {
 public:
  explicit Canceller(Dispatcher& dispatcher) noexcept : dispatcher_(dispatcher) {}

  // Tries once, for a listed request, or one that is in no container. `stream`: of its
  // descriptor. The record's lock is held.
  void visit(DescriptorRecord& record, Request& request, TransferState state, bool stream)
      REQUIRES(record.mutex);
  // The same for one that is in the kernel.
  void visit_in_kernel(bool stream) noexcept {
    // An attempt on a stream does not stay there: it ends, or becomes a poll.
    if (stream && !last_look_)
      in_motion_ = true;
    else
      not_cancelled_ = true;
  }

  // After the descriptor was looked at: whether those which were not found are over.
  void ask_for_those_gone() noexcept;

  // One that has left its descriptor: its status is there, or will be in a moment.
  void visit_ending() noexcept { in_motion_ = in_motion_ || !last_look_; }

  // After the lock was given up: completes what was taken. True: something is in a
  // state that will soon be another; try again.
  bool settle();

  Cancelled verdict() const noexcept {
    if (not_cancelled_ || in_motion_ || ended_short_) return Cancelled::not_all;
    return cancelled_ ? Cancelled::all : Cancelled::none_left;
  }
  void begin_again() noexcept {
    last_look_ = sys::monotonic_ns() >= until_ns_;
    not_cancelled_ = in_motion_ = false;
  }
  bool last_look() const noexcept { return last_look_; }

 private:
  void take(Request& request, bool reaping_required);
  // A file's transfer of which a part is done goes on; a stream's ends with that part.
  static bool goes_on(const Request& request, bool stream) {
    return request.done_bytes > 0 && !stream;
  }

  Dispatcher& dispatcher_;
  Transfer* taken_ = nullptr;
  bool polls_ended_ = false;
  bool cancelled_ = false;
  bool ended_short_ = false;  // with a result, which is not ECANCELED
  bool not_cancelled_ = false;
  bool in_motion_ = false;
  bool last_look_ = false;
  int look_count_ = 0;
  const std::int64_t until_ns_ = sys::monotonic_ns() + motion_ns_max;
};

void Dispatcher::Canceller::take(Request& request, bool reaping_required) {
  if (reaping_required) dispatcher_.ring_reaper_.release_reaping();
  request.next = taken_;
  taken_ = &request;
  if (request.done_bytes > 0) {
    ended_short_ = true;
  } else {
    cancelled_ = true;
  }
}

void Dispatcher::Canceller::visit(DescriptorRecord& record, Request& request, TransferState state,
                                  bool stream) {
  Dispatcher& dispatcher = dispatcher_;
  switch (state) {
    case TransferState::finished:
      return;
    case TransferState::held:
      if (goes_on(request, stream)) break;
      order::unhold(record, request);
      return take(request, true);
    case TransferState::backlog:
      if (goes_on(request, stream)) break;
      if (dispatcher.backlog_.remove(request)) return take(request, true);
      in_motion_ = true;
      return;
    case TransferState::shortage:
      if (goes_on(request, stream)) break;
      if (dispatcher.without_thread_.remove(request)) return take(request, false);
      in_motion_ = true;
      return;
    case TransferState::queued:
      if (goes_on(request, stream)) break;
      if (dispatcher.pool_.remove(request)) return take(request, false);
      in_motion_ = true;
      return;
    case TransferState::watched:
      if (goes_on(request, stream)) break;
      if (dispatcher.watcher_.remove(request)) return take(request, false);
      in_motion_ = true;
      return;
    case TransferState::polling:
      if (goes_on(request, stream)) break;
      if (dispatcher.take_from_poll(request)) {
        polls_ended_ = true;
        return take(request, false);
      }
      in_motion_ = true;
      return;
    case TransferState::in_kernel:
      return visit_in_kernel(stream);
    case TransferState::running:
      if (stream) return visit_in_kernel(stream);
      break;
    case TransferState::free:  // its submission is in some thread's hands
    case TransferState::starting:
      if (last_look_) break;
      in_motion_ = true;
      return;
  }
  not_cancelled_ = true;
}

void Dispatcher::Canceller::ask_for_those_gone() noexcept {
  if (not_cancelled_ || in_motion_) return;  // which says no less
  const RingReaper& ring_reaper = dispatcher_.ring_reaper_;
  for (int look = 0; ring_reaper.completing(); ++look) {
    if (ring_reaper.held_here()) {
      not_cancelled_ = true;  // it cannot be waited for by the handler that interrupted it
      return;
    }
    if (look == looks_at_a_reap) {
      in_motion_ = true;
      return;
    }
    sys::relax();
  }
}

bool Dispatcher::Canceller::settle() {
  while (taken_ != nullptr) {
    Request& request = request_of(*taken_);
    taken_ = taken_->next;
    request.next = nullptr;
    dispatcher_.completer_.complete(request,
                                    request.done_bytes > 0 ? request.done_bytes : -ECANCELED);
  }
  // The leader may count on an event that will be late.
  if (std::exchange(polls_ended_, false)) dispatcher_.ring_reaper_.wake_leader();
  dispatcher_.drain();
  if (!in_motion_) return false;
  if (++look_count_ > looks_without_sleep)
    sys::direct_call(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &look_interval, nullptr);
  dispatcher_.ring_reaper_.reap();
  return true;
}

// What the kernel does with a request depends on it.
bool Dispatcher::is_stream(DescriptorRecord& record, int fd) {
  if (record.occupancy.now().empty()) return false;
  // Not stored: nobody here answers for those that will be on the descriptor when it is known.
  return record.traits.known() ? record.traits.is_stream()
                               : carrier_.ask_facts(fd).traits.is_stream();
}

Dispatcher::Cancelled Dispatcher::cancel(int fd) {
  DescriptorRecord* record = requests_.descriptors.at(fd);
  if (record == nullptr) return Cancelled::none_left;
  Canceller canceller(*this);
  for (;;) {
    canceller.begin_again();
    {
      RecordLock lock(*record);
      const bool stream = is_stream(*record, fd);
      if (record->occupancy.now().unlisted() != 0) canceller.visit_in_kernel(stream);
      // The last one first: what is cancelled then starts no successor that is
      // to be cancelled as well.
      Request* request = record->all.back();
      const bool all_end = record->occupancy.now().empty();
      while (request != nullptr) {
        Request* before = record->all.before(*request);
        const TransferState state = request->state.load();
        if (all_end && state != TransferState::finished) {
          canceller.visit_ending();
        } else {
          canceller.visit(*record, *request, state, stream);
        }
        request = before;
      }
    }
    canceller.ask_for_those_gone();
    if (!canceller.settle() || canceller.last_look()) return canceller.verdict();
  }
}

Dispatcher::Cancelled Dispatcher::cancel(Request& request, std::uint32_t generation) {
  Canceller canceller(*this);
  for (;;) {
    canceller.begin_again();
    const int fd = request.operation.fd;
    DescriptorRecord* record = requests_.descriptors.at(fd);
    if (record == nullptr) return canceller.verdict();
    {
      RecordLock lock(*record);
      const bool stream = is_stream(*record, fd);
      // The state first, then whether it is this life's. A listed request stays what it
      // is under the lock, as it leaves its record before its slot is used again; with
      // an unlisted one, which is in no container, nothing is done.
      const TransferState state = request.state.load();
      if (requests_.find(request.slot, generation) != nullptr && request.operation.fd == fd)
        canceller.visit(*record, request, state, stream);
    }
    if (!canceller.settle() || canceller.last_look()) return canceller.verdict();
  }
}

}  // namespace kaio
