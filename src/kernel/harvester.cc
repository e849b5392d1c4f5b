// SPDX-License-Identifier: MIT
#include "kernel/harvester.h"

#include <algorithm>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/iocb.h"
#include "sys/cancellation.h"
#include "sys/direct_call.h"
#include "sys/own_signals.h"
#include "sys/thread_sanitizer.h"

namespace kaio {
namespace {

constexpr std::int64_t filtered_pause_ns = 1'000'000;
// A sleep that was stopped and goes on begins its time anew: it may last longer by so much.
constexpr std::int64_t timed_sleep_max_ns = 250'000'000;
// For a leader whose call could not be armed.
constexpr std::int64_t deaf_sleep_ns = 1'000'000;

}  // namespace

inline Harvester::Hold::Hold(Harvester& harvester, bool to_lead) noexcept
    : harvester_(harvester), leads_(to_lead) {
  std::uintptr_t owner = 0;
  acquired_ = harvester_.owner_.compare_exchange_strong(owner, sys::this_thread(),
                                                        std::memory_order_seq_cst);
  nested_ = !acquired_ && owner == sys::this_thread();
  over_leader_ = nested_ && harvester_.being_callable_.load(std::memory_order_relaxed);
  // Until that one is called: see completing().
  if (over_leader_) harvester_.being_callable_.store(false, std::memory_order_relaxed);
}

inline Harvester::Hold::~Hold() {
  if (over_leader_) harvester_.call_interrupted_leader();
  if (!acquired_) return;
  harvester_.sleeping_ = false;
  harvester_.being_callable_.store(false, std::memory_order_relaxed);
  // seq_cst: the full fence of the protocol, before the looks in hand_over().
  harvester_.owner_.store(0, std::memory_order_seq_cst);
  harvester_.hand_over();
  // Who harvests looks again itself. A leader that is being unwound does not.
  if (leads_ && harvester_.something_visible()) harvester_.context_.doorbell().ring();
}

bool Harvester::interrupted_here() const noexcept {
  return owner_.load(std::memory_order_relaxed) == sys::this_thread() && !sleeping_;
}

inline void Harvester::handle(const io_event& event) {
  if (event.data == nullptr) {  // our own poll of call_bell_
    call_bell_.hear();
    call_armed_.store(false, std::memory_order_relaxed);
    return;
  }
  sys::taken_from_kernel(event.data);
  // Signed, whatever libaio declares; a transfer is at most 0x7ffff000 bytes.
  sink_.answered(*static_cast<Request*>(event.data), static_cast<std::int32_t>(event.res));
}

inline void Harvester::handle_all() {
  io_event event;
  std::uint32_t count = 0;
  // Without the ring a frame that we interrupted may have taken only the first ones.
  if (something_handed() || !context_.ring().usable())
    for (; take_handed(event); ++count) handle(event);
  if (context_.ring().usable())
    for (; context_.ring().take(event); ++count) handle(event);
  if (count != 0) context_.unreserve(count);
}

bool Harvester::take_handed(io_event& event) noexcept {
  for (io_event& handed : handed_space()) {
    std::atomic_ref object(handed.obj);
    if (object.load(std::memory_order_relaxed) == nullptr) continue;
    event = handed;
    // A handler in between may have taken it: who gets the pointer has the event.
    if (object.exchange(nullptr, std::memory_order_relaxed) != nullptr) return true;
  }
  return false;
}

void Harvester::harvest_now() {
  if (!context_.ring().usable()) return harvest_by_calls();
  do {
    const Hold hold(*this);
    if (!hold.held()) return;
    handle_all();
    if (hold.over_leader()) return;  // it is called, and looks at what is left
  } while (something_visible());
}

void Harvester::harvest_by_calls() {
  do {
    const Hold hold(*this);
    if (!hold.held()) {
      // The holder cannot see by itself what came after its last call.
      missed_.store(true, std::memory_order_seq_cst);
      if (led()) return;
      continue;
    }
    missed_.store(false, std::memory_order_seq_cst);
    const timespec no_time{};
    do handle_all();
    while (context_.get_events(0, handed_space(), &no_time) > 0);
    if (hold.over_leader()) return;  // it is called, and looks at what is left
  } while (something_visible() || missed_.load(std::memory_order_seq_cst));
}

Harvester::Led Harvester::lead(sys::Deadline deadline, WaitSet& waits) {
  if (interrupted_here()) return Led::busy;
  Led led = Led::harvested;
  {
    Hold hold(*this, true);
    if (!hold.held()) return Led::busy;
    // Asked with the lock held: what ends by the ring now ends through us.
    arm_call();
    being_callable_.store(true, std::memory_order_seq_cst);
    // In this order: what ends by itself between the two questions is seen by the second.
    const bool all_on_ring = waits.on_ring() == WaitSet::OnRing::all;
    const bool enough = all_on_ring ? waits.done() : waits.mark();
    if (!enough && !something_visible()) {
      const bool deaf = !call_armed_.load(std::memory_order_relaxed);
      const sys::Deadline look = deaf ? sys::monotonic_ns() + deaf_sleep_ns : sys::forever;
      led = sleep(std::min(deadline, look), waits.cancellable());
      if (led == Led::timed_out && look < deadline) led = Led::harvested;
    }
    // From here on it looks again anyway; only handlers called it before.
    being_callable_.store(false, std::memory_order_relaxed);
    handle_all();
    hold.stop_leading();
  }
  harvest();
  return led;
}

Harvester::Led Harvester::sleep(sys::Deadline deadline, bool cancellable) {
  timespec timeout{};
  bool whole = true;
  if (deadline != sys::forever) {
    const std::int64_t left = deadline - sys::monotonic_ns();
    if (left <= 0) return Led::timed_out;
    whole = left <= timed_sleep_max_ns;
    timeout = sys::to_timespec(std::min(left, timed_sleep_max_ns));
  }
  const timespec* until = deadline == sys::forever ? nullptr : &timeout;
  const bool outer_sleeps = sleeping_;  // whose handler we are
  sleeping_ = true;
  const bool keeps = sys::OwnSignals::change(false);
  const int outcome = sys::as_cancellation_point(
      cancellable, [this, until] { return context_.get_events(1, handed_space(), until); });
  sys::OwnSignals::change(keeps);
  sleeping_ = outer_sleeps;
  if (outcome > 0) return Led::harvested;
  if (outcome == 0) return whole ? Led::timed_out : Led::harvested;
  // Refused by a filter: look often.
  timespec pause = sys::to_timespec(filtered_pause_ns);
  if (outcome != -EINTR) sys::direct_call(SYS_ppoll, nullptr, 0, &pause, nullptr, 0);
  return outcome == -EINTR ? Led::interrupted : Led::harvested;
}

void Harvester::hand_over() noexcept {
  if (followers_.load(std::memory_order_seq_cst) != 0) promote();
  if (in_debt()) call_reaper();
}

void Harvester::promote(int count) noexcept {
  if (followers_.load(std::memory_order_seq_cst) == 0 || led()) return;
  leadership_.fetch_add(1, std::memory_order_seq_cst);
  sys::futex_wake(&leadership_, count);
}

void Harvester::add_debt() noexcept {
  debt_.fetch_add(1, std::memory_order_seq_cst);
  // A leader that does not know of the debt looks when it leaves.
  if (!led() && context_.ready()) call_reaper();
}

void Harvester::arm_call() noexcept {
  if (call_armed_.load(std::memory_order_relaxed)) return;
  if (!call_bell_.ensure() || !context_.reserve()) return;
  iocb_of::readiness(call_control_, call_bell_.number(), true);
  // Before: a handler may take the event at once.
  call_armed_.store(true, std::memory_order_relaxed);
  if (context_.submit(call_control_) == 1) return;
  call_armed_.store(false, std::memory_order_relaxed);
  context_.unreserve(1);
}

Harvester::OverLeader::OverLeader(Harvester& harvester) noexcept
    : harvester_(harvester),
      over_leader_(harvester.owner_.load(std::memory_order_relaxed) == sys::this_thread() &&
                   harvester.being_callable_.load(std::memory_order_relaxed)) {
  if (over_leader_) harvester_.being_callable_.store(false, std::memory_order_relaxed);
}

Harvester::OverLeader::~OverLeader() {
  if (over_leader_) harvester_.call_interrupted_leader();
}

void Harvester::call_interrupted_leader() noexcept {
  being_callable_.store(true, std::memory_order_seq_cst);
  arm_call();
  call_leader();
}

void Harvester::call_leader() noexcept {
  // Full fence between what is to be seen and the question whether somebody may not
  // have seen it; lead() has the other half.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!being_callable_.load(std::memory_order_seq_cst)) return;
  if (!call_bell_.ring()) context_.cancel(call_control_);
}

}  // namespace kaio
