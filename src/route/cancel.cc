// SPDX-License-Identifier: MIT
// Cancelling: what waits in a container of ours is taken out of it, under the
// container's lock; what waits in the kernel for readiness is marked and its poll
// ended; what the kernel or a pool thread is doing goes on.
#include <sched.h>
#include <utility>

#include "request/deferred.h"
#include "route/dispatcher.h"

namespace kaio {
namespace {

// A request between two ways is in some thread's hands for a moment only, unless
// that thread has to wait for a processor, or is the one that a handler interrupted.
constexpr std::int64_t motion_ns_max = 500'000'000;
constexpr int looks_without_sleep = 50;
constexpr timespec look_interval = {.tv_sec = 0, .tv_nsec = 50'000};
// The event of a poll that was ended arrives within microseconds; this bounds the
// wait of a handler that interrupted the very thread which has it in its hands.
constexpr std::int64_t settle_ns_max = 1'000'000'000;

}  // namespace

class Dispatcher::Canceller {
 public:
  explicit Canceller(Dispatcher& dispatcher) noexcept : dispatcher_(dispatcher) {}

  // Tries once; the record's lock is held.
  void visit(DescriptorRecord& record, Request& request) REQUIRES(record.mutex);

  // After the lock was given up: completes what was taken, waits for what was
  // marked. True: something is in a state that will soon be another; try again.
  bool settle();

  Cancelled verdict() const noexcept {
    if (not_cancelled_ || in_motion_) return Cancelled::not_all;
    return cancelled_ ? Cancelled::all : Cancelled::none_left;
  }
  void begin_again() noexcept {
    last_look_ = sys::monotonic_ns() >= until_ns_;
    not_cancelled_ = in_motion_ = false;
  }
  bool last_look() const noexcept { return last_look_; }

 private:
  void take(Request& request, bool paid_debt);
  void mark(Request& request);
  static bool has_effect(const Request& request) {
    return request.done_bytes > 0 || (request.operation.is_write() && request.tried &&
                                      request.is_stream);
  }

  Dispatcher& dispatcher_;
  Notifiable* taken_ = nullptr;
  Request* marked_ = nullptr;
  std::uint32_t marked_generation_ = 0;
  bool cancelled_ = false;
  bool not_cancelled_ = false;
  bool in_motion_ = false;
  bool last_look_ = false;
  int look_count_ = 0;
  const std::int64_t until_ns_ = sys::monotonic_ns() + motion_ns_max;
};

void Dispatcher::Canceller::take(Request& request, bool in_debt) {
  if (in_debt) dispatcher_.harvester_.remove_debt();
  request.next = taken_;
  taken_ = &request;
  cancelled_ = true;
}

void Dispatcher::Canceller::mark(Request& request) {
  if (marked_ != nullptr) {
    in_motion_ = true;  // one after the other
    return;
  }
  // seq_cst: a dispatcher which finds no mark before it polls, and we who find no
  // poll after we marked, cannot both be right.
  if (request.cancel_wanted.exchange(true)) {
    in_motion_ = true;  // another canceller's, who will say so
    return;
  }
  const RequestState state = request.state.load();
  // Watched since we looked last: its dispatcher may have looked before we marked.
  if (state == RequestState::watched && dispatcher_.watcher_.remove(request))
    return take(request, false);
  marked_ = &request;
  marked_generation_ = Requests::generation_of(request);
  if (state == RequestState::polling) dispatcher_.context_.cancel(request.control);
}

void Dispatcher::Canceller::visit(DescriptorRecord& record, Request& request) {
  Dispatcher& dispatcher = dispatcher_;
  switch (request.state.load()) {
    case RequestState::free:
    case RequestState::finished:
      return;
    case RequestState::held:
      order::unhold(record, request);
      return take(request, true);
    case RequestState::backlog:
      if (dispatcher.backlog_.remove(request)) return take(request, true);
      in_motion_ = true;
      return;
    case RequestState::queued:
      if (has_effect(request)) break;
      if (dispatcher.pool_.remove(request)) return take(request, false);
      in_motion_ = true;
      return;
    case RequestState::watched:
      if (has_effect(request)) break;
      if (dispatcher.watcher_.remove(request)) return take(request, false);
      in_motion_ = true;
      return;
    case RequestState::polling:
      if (has_effect(request)) break;
      return mark(request);
    case RequestState::starting:
      if (!last_look_) {
        in_motion_ = true;
        return;
      }
      break;
    case RequestState::in_kernel:
      // An attempt on a stream does not stay there: it ends, or becomes a poll.
      if (request.operation.is_read() && record.traits.is_stream()) return mark(request);
      break;
    case RequestState::running:
      break;
  }
  not_cancelled_ = true;
}

bool Dispatcher::Canceller::settle() {
  while (taken_ != nullptr) {
    auto& request = static_cast<Request&>(*taken_);
    taken_ = taken_->next;
    request.next = nullptr;
    dispatcher_.completions_.complete(request, -ECANCELED);
  }
  dispatcher_.drain();
  if (marked_ == nullptr) {
    if (!in_motion_) return false;
    if (++look_count_ < looks_without_sleep) {
      ::sched_yield();
    } else {
      ::nanosleep(&look_interval, nullptr);
    }
    return true;
  }

  const std::int64_t until_ns = sys::monotonic_ns() + settle_ns_max;
  Request* request = std::exchange(marked_, nullptr);
  for (;;) {
    dispatcher_.harvester_.harvest();
    dispatcher_.drain();
    const bool gone =
        dispatcher_.requests_.find(request->slot, marked_generation_) == nullptr;
    if (gone || request->state.load() == RequestState::finished) {
      // It may have got its data a moment before.
      if (gone || request->done_bytes == -ECANCELED) cancelled_ = true;
      return true;  // others may have had to wait for it
    }
    if (sys::monotonic_ns() > until_ns) {
      not_cancelled_ = true;
      return false;
    }
    ::sched_yield();
  }
}

// What a request does in the kernel depends on what its descriptor is.
void Dispatcher::know_traits(DescriptorRecord& record, int fd) {
  if (record.traits.known() || record.live.load() == 0) return;
  const DescriptorFacts facts = ask_facts(fd);
  record.traits = facts.traits;
  record.device = facts.device;
  record.inode = facts.inode;
}

Dispatcher::Cancelled Dispatcher::cancel(int fd) {
  DescriptorRecord* record = requests_.descriptors.at(fd);
  if (record == nullptr) return Cancelled::none_left;
  Canceller canceller(*this);
  for (;;) {
    canceller.begin_again();
    {
      RecordLock lock(*record);
      know_traits(*record, fd);
      // The last called first: who is cancelled then starts no successor that is
      // to be cancelled as well.
      Request* request = record->all.back();
      while (request != nullptr) {
        Request* before = record->all.before(*request);
        canceller.visit(*record, *request);
        request = before;
      }
    }
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
      know_traits(*record, fd);
      // Under the lock it stays what it is: a request leaves its record before its
      // slot is used again.
      if (requests_.find(request.slot, generation) != nullptr && request.operation.fd == fd)
        canceller.visit(*record, request);
    }
    if (!canceller.settle() || canceller.last_look()) return canceller.verdict();
  }
}

}  // namespace kaio
