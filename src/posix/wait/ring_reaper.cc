// SPDX-License-Identifier: MIT
#include "posix/wait/ring_reaper.h"

#include <algorithm>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

#include "core/kernel/iocb.h"
#include "sys/cancellation.h"
#include "sys/direct_call.h"
#include "sys/futex.h"
#include "sys/own_signals.h"
#include "sys/thread_sanitizer.h"

namespace kaio {
namespace {

// Takes what io_getevents has left there, if it has.
bool take_from(io_event& handed, io_event& event) noexcept {
  std::atomic_ref object(handed.obj);
  if (object.load(std::memory_order_relaxed) == nullptr) return false;
  event = handed;
  // A handler in between may have taken it: whoever takes the pointer has the event.
  return object.exchange(nullptr, std::memory_order_relaxed) != nullptr;
}

// So long an event lies beside a sleeping leader only if that one is gone, or gets no
// processor.
constexpr std::int64_t gone_after_ns = 250'000'000;
constexpr std::int64_t filtered_pause_ns = 1'000'000;
// A sleep that was stopped and goes on begins its time anew: it may last longer by so much.
constexpr std::int64_t timed_sleep_max_ns = 250'000'000;
// For a leader whose wake-up could not be armed.
constexpr std::int64_t deaf_sleep_ns = 1'000'000;

}  // namespace

inline RingReaper::Hold::Hold(RingReaper& ring_reaper, bool to_lead) noexcept
    : ring_reaper_(ring_reaper), leads_(to_lead) {
  std::uintptr_t owner = 0;
  acquired_ = ring_reaper_.owner_.compare_exchange_strong(owner, sys::this_thread(),
                                                          std::memory_order_seq_cst);
  if (!acquired_) acquire_from(owner);
}

[[gnu::noinline]] void RingReaper::Hold::acquire_from(std::uintptr_t owner) noexcept {
  if ((owner & ~asleep) == sys::this_thread()) {
    // From here on nobody takes our sleep below for one that is gone.
    over_sleep_ = (owner & asleep) != 0 && ring_reaper_.take_back();
    nested_ = over_sleep_ || (owner & asleep) == 0;
    over_leader_ = nested_ && ring_reaper_.wakeable_.load(std::memory_order_relaxed);
    // Until that one is woken: see completing().
    if (over_leader_) ring_reaper_.wakeable_.store(false, std::memory_order_relaxed);
  } else if ((owner & asleep) != 0 && ring_reaper_.is_leader_gone()) {
    acquired_ = ring_reaper_.owner_.compare_exchange_strong(owner, sys::this_thread(),
                                                            std::memory_order_seq_cst);
    if (acquired_) ring_reaper_.replace_gone_leader();
  }
}

[[gnu::noinline]] void RingReaper::Hold::leave_interrupted() noexcept {
  if (over_leader_) ring_reaper_.wake_interrupted_leader();
  if (over_sleep_) {
    std::uintptr_t awake = sys::this_thread();
    ring_reaper_.owner_.compare_exchange_strong(awake, awake | asleep, std::memory_order_seq_cst);
  }
}

inline RingReaper::Hold::~Hold() {
  if (!acquired_) {
    leave_interrupted();
    return;
  }
  if (handed_ != nullptr) {  // it is being unwound out of its sleep
    ring_reaper_.take_back();
    if (!is_back()) return;
  }
  ring_reaper_.give_up();
  // A thread that reaps looks again itself. A leader that is being unwound does not.
  if (leads_ && ring_reaper_.something_visible()) ring_reaper_.context_.doorbell().signal();
}

bool RingReaper::Hold::is_back() noexcept {
  io_event* const handed = std::exchange(handed_, nullptr);
  if (ring_reaper_.interrupted_here()) return true;
  acquired_ = nested_ = over_leader_ = over_sleep_ = false;
  ring_reaper_.deliver_late(*handed);
  return false;
}

bool RingReaper::take_back() noexcept {
  std::uintptr_t sleeper = sys::this_thread() | asleep;
  return owner_.compare_exchange_strong(sleeper, sys::this_thread(), std::memory_order_seq_cst);
}

bool RingReaper::is_leader_gone() noexcept {
  if (!context_.ring().usable() || !something_visible()) return false;
  const std::uint32_t sleep = sleep_number_.load(std::memory_order_relaxed);
  const std::int64_t now_ns = sys::monotonic_ns();
  if (suspected_sleep_.load(std::memory_order_acquire) != sleep) {
    suspected_since_ns_.store(now_ns, std::memory_order_relaxed);
    suspected_sleep_.store(sleep, std::memory_order_release);
    return false;
  }
  return now_ns - suspected_since_ns_.load(std::memory_order_relaxed) >= gone_after_ns;
}

void RingReaper::replace_gone_leader() noexcept {
  wakeable_.store(false, std::memory_order_relaxed);
  // It may get one more event, if it is not gone. When all places have been used they are
  // used again: a leader that was slow for so long has got its event, or will not.
  io_event* const left = handed_here_.load(std::memory_order_relaxed);
  io_event* const place = left == &handed_[handed_max - 1] ? handed_ : left + 1;
  io_event event{};
  if (take_from(*left, event)) {
    place->data = event.data;
    place->res = event.res;
    std::atomic_ref(place->obj).store(event.obj, std::memory_order_relaxed);
  }
  handed_here_.store(place, std::memory_order_relaxed);
}

// What a leader got that had lost the lock by then.
void RingReaper::deliver_late(io_event& handed) noexcept {
  io_event event;
  while (std::atomic_ref(handed.obj).load(std::memory_order_relaxed) != nullptr) {
    {
      const Hold hold(*this);
      if (hold.held()) {
        if (!take_from(handed, event)) return;
        handle(event);
        context_.release(1);
        return;
      }
    }
    wake_leader();
    sys::direct_call(SYS_sched_yield);
  }
}

// Whether this thread leads by a frame that is gone. A handler on a stack of its own may be
// told so too: then the sleep below it has lost the lock.
bool RingReaper::was_jumped_over() const noexcept {
  return owner_.load(std::memory_order_relaxed) == (sys::this_thread() | asleep) &&
         context_.ring().usable() &&
         reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) > sleep_frame_;
}

std::int64_t RingReaper::look_at_leader_ns() const noexcept {
  constexpr std::uint32_t followers_max = 64;
  if (!context_.ready() || !context_.ring().usable()) return sys::forever;
  return gone_after_ns *
         std::clamp(followers_.load(std::memory_order_relaxed), UINT32_C(1), followers_max);
}

inline void RingReaper::handle(const io_event& event) {
  if (event.data == nullptr) [[unlikely]] {  // our own poll of wakeup_
    wakeup_.clear();
    wakeup_armed_.store(false, std::memory_order_relaxed);
    return;
  }
  sys::taken_from_kernel(event.data);
  // Signed, whatever libaio declares; a transfer is at most 0x7ffff000 bytes.
  sink_.on_result(*static_cast<Transfer*>(event.data), static_cast<std::int32_t>(event.res));
}

[[gnu::noinline]] void RingReaper::handle_handed() {
  io_event event;
  std::uint32_t count = 0;
  // One that was slow may have got an event when it had been replaced, and jumped away then.
  for (io_event* place = handed_; place != handed_here_.load(std::memory_order_relaxed); ++place)
    if (take_from(*place, event)) {
      handle(event);
      ++count;
    }
  // Without the ring a frame that we interrupted may have taken only the first ones.
  for (; take_handed(event); ++count) handle(event);
  context_.release(count);
}

// Where the ring is at hand.
inline void RingReaper::handle_ring(Ring ring) {
  io_event* const here = handed_here_.load(std::memory_order_relaxed);
  if (here != handed_ || is_filled(*here)) handle_handed();
  io_event event;
  if (!ring.take(event)) return;
  handle(event);
  context_.release(1);
  if (!ring.empty()) handle_more();
}

[[gnu::noinline]] void RingReaper::handle_more() {
  for (io_event event; context_.ring().take(event);) {
    handle(event);
    context_.release(1);
  }
}

inline void RingReaper::handle_all() {
  context_.ring().usable() ? handle_ring(context_.ring()) : handle_handed();
}

bool RingReaper::take_handed(io_event& event) noexcept {
  for (io_event& handed : handed_space())
    if (take_from(handed, event)) return true;
  return false;
}

// What mostly happens: nobody holds the lock, and nothing more comes. The Hold is written out.
void RingReaper::reap_now() {
  const Ring ring = context_.ring();
  std::uintptr_t owner = 0;
  if (!ring.usable() ||
      !owner_.compare_exchange_strong(owner, sys::this_thread(), std::memory_order_seq_cst))
    return reap_whatever_comes();
  handle_ring(ring);
  give_up();
  // Nothing is handed over but to the holder of the lock.
  if (!ring.empty()) reap_whatever_comes();
}

[[gnu::noinline]] void RingReaper::reap_whatever_comes() {
  if (!context_.ring().usable()) return reap_by_calls();
  do {
    const Hold hold(*this);
    if (!hold.held()) return;
    handle_all();
    if (hold.over_leader()) return;  // it is woken, and looks at what is left
  } while (something_visible());
}

void RingReaper::reap_by_calls() {
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
    if (hold.over_leader()) return;  // it is woken, and looks at what is left
  } while (something_visible() || missed_.load(std::memory_order_seq_cst));
}

RingReaper::Led RingReaper::lead(sys::Deadline deadline, WaitSet& waits) {
  if (interrupted_here()) return Led::busy;
  Led led = Led::reaped;
  {
    Hold hold(*this, true);
    if (!hold.held()) return Led::busy;
    // Asked with the lock held: what ends by the ring now ends through us.
    arm_wakeup();
    wakeable_.store(true, std::memory_order_seq_cst);
    // In this order: what ends by itself between the two questions is seen by the second.
    const bool all_on_ring = waits.on_ring() == WaitSet::OnRing::all;
    const bool enough = all_on_ring ? waits.done() : waits.mark();
    if (!enough && !something_visible()) {
      const bool deaf = !wakeup_armed_.load(std::memory_order_relaxed);
      const sys::Deadline look = deaf ? sys::monotonic_ns() + deaf_sleep_ns : sys::forever;
      hold.sleeps_with(handed_here_.load(std::memory_order_relaxed));
      led = sleep(std::min(deadline, look), waits.cancellable());
      if (led == Led::timed_out && look < deadline) led = Led::reaped;
      if (!hold.is_back()) return led;
    }
    // From here on it looks again anyway; only handlers woke it before.
    wakeable_.store(false, std::memory_order_relaxed);
    handle_all();
    hold.stop_leading();
  }
  reap();
  return led;
}

RingReaper::Led RingReaper::sleep(sys::Deadline deadline, bool cancellable) {
  timespec timeout{};
  bool whole = true;
  if (deadline != sys::forever) {
    const std::int64_t left = deadline - sys::monotonic_ns();
    if (left <= 0) return Led::timed_out;
    whole = left <= timed_sleep_max_ns;
    timeout = sys::to_timespec(std::min(left, timed_sleep_max_ns));
  }
  const timespec* until = deadline == sys::forever ? nullptr : &timeout;
  sleep_number_.store(sleep_number_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  const std::uintptr_t outer_frame =
      std::exchange(sleep_frame_, reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)));
  const bool keeps = sys::OwnSignals::change(false);
  const std::span<io_event> space = handed_space();
  owner_.store(sys::this_thread() | asleep, std::memory_order_seq_cst);
  const int outcome = sys::as_cancellation_point(
      cancellable, [this, space, until] { return context_.get_events(1, space, until); });
  if (take_back()) sleep_frame_ = outer_frame;  // of the one whose handler we are
  sys::OwnSignals::change(keeps);
  if (outcome > 0) return Led::reaped;
  if (outcome == 0) return whole ? Led::timed_out : Led::reaped;
  // Refused by a filter: look often.
  if (outcome != -EINTR) sys::sleep_for(filtered_pause_ns);
  return outcome == -EINTR ? Led::interrupted : Led::reaped;
}

void RingReaper::promote(int count) noexcept {
  if (followers_.load(std::memory_order_seq_cst) == 0 || led()) return;
  leader_word_.fetch_add(1, std::memory_order_seq_cst);
  sys::futex_wake(&leader_word_, count);
}

void RingReaper::require_reaping() noexcept {
  reaping_required_.fetch_add(1, std::memory_order_seq_cst);
  // A leader that does not know of it looks when it leaves.
  if (!led() && context_.ready()) signal_reaper();
}

void RingReaper::arm_wakeup() noexcept {
  if (wakeup_armed_.load(std::memory_order_relaxed)) return;
  if (!wakeup_.ensure() || !context_.reserve()) return;
  iocb_of::readiness(wakeup_control_, wakeup_.number(), true);
  // Before: a handler may take the event at once.
  wakeup_armed_.store(true, std::memory_order_relaxed);
  if (context_.submit(wakeup_control_) == 1) return;
  wakeup_armed_.store(false, std::memory_order_relaxed);
  context_.unreserve();
}

RingReaper::OverLeader::OverLeader(RingReaper& ring_reaper) noexcept : ring_reaper_(ring_reaper) {
  if (ring_reaper_.was_jumped_over() && ring_reaper_.take_back()) {
    ring_reaper_.replace_gone_leader();
    ring_reaper_.owner_.store(0, std::memory_order_seq_cst);
    ring_reaper_.hand_over();
  }
  over_leader_ =
      ring_reaper_.owner_.load(std::memory_order_relaxed) == (sys::this_thread() | asleep) &&
      ring_reaper_.wakeable_.load(std::memory_order_relaxed);
  if (over_leader_) ring_reaper_.wakeable_.store(false, std::memory_order_relaxed);
}

RingReaper::OverLeader::~OverLeader() {
  if (over_leader_ && ring_reaper_.held_here()) ring_reaper_.wake_interrupted_leader();
}

void RingReaper::wake_interrupted_leader() noexcept {
  wakeable_.store(true, std::memory_order_seq_cst);
  arm_wakeup();
  wake_leader();
}

void RingReaper::wake_leader() noexcept {
  // Full fence between what is to be seen and the question whether somebody may not
  // have seen it; lead() has the other half.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!wakeable_.load(std::memory_order_seq_cst)) return;
  if (!wakeup_.signal()) context_.cancel(wakeup_control_);
}

}  // namespace kaio
