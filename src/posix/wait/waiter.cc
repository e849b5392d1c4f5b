// SPDX-License-Identifier: MIT
#include "posix/wait/waiter.h"

#include <algorithm>
#include <cassert>
#include <climits>
#include <csignal>

#include "sys/cancellation.h"
#include "sys/own_signals.h"

namespace kaio {
namespace {

// For a handler that interrupted its own thread as it reaped: nobody can wake it.
constexpr std::int64_t blind_look_ns = 200'000;

std::atomic<bool> has_futex_waitv{true};

enum class Handlers : std::uint8_t { all, that_restart, that_do_not };

// Whether the process has such a handler, of a signal that this thread does not block.
bool has_handler(Handlers kind) noexcept {
  sigset_t blocked;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action {};
    if (::sigaction(number, nullptr, &action) != 0) continue;  // the C library's own
    if (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN) continue;
    const bool restarts = (action.sa_flags & SA_RESTART) != 0;
    const bool meant = kind == Handlers::all || restarts == (kind == Handlers::that_restart);
    if (meant && !::sigismember(&blocked, number)) return true;
  }
  return false;
}

// Futex waits are restarted by the kernel as the handler asked; io_getevents never
// is, and does not say which handler ran. If all of them ask for restarting, so did
// that one; in a program with both kinds EINTR is the safe answer. With a deadline every
// handler ends the wait; if there is none, it was one of the C library's.
bool may_have_ended(sys::Deadline deadline) noexcept {
  return has_handler(deadline == sys::forever ? Handlers::that_do_not : Handlers::all);
}

// Whether one of these asks for the wait to end.
bool one_ends(sys::OwnSignals::Set handled, sys::Deadline deadline) noexcept {
  if (deadline != sys::forever) return handled != 0;
  for (int number = 1; handled != 0 && number < NSIG; ++number) {
    struct sigaction action {};
    if ((handled & sys::OwnSignals::bit(number)) != 0 &&
        (::sigaction(number, nullptr, &action) != 0 || (action.sa_flags & SA_RESTART) == 0))
      return true;
  }
  return false;
}

// Threads that follow with a time, for its scope.
class TimedFollower {
 public:
  explicit TimedFollower(bool timed) noexcept
      : timed_(timed), alone_(!timed || count_.fetch_add(1, std::memory_order_relaxed) == 0) {}
  ~TimedFollower() {
    if (timed_) count_.fetch_sub(1, std::memory_order_relaxed);
  }
  TimedFollower(const TimedFollower&) = delete;
  TimedFollower& operator=(const TimedFollower&) = delete;
  bool alone() const noexcept { return alone_; }

 private:
  static inline std::atomic<std::uint32_t> count_{0};  // relaxed: a guess, for speed only
  const bool timed_;
  const bool alone_;
};

class FollowerCount {
 public:
  FollowerCount(RingReaper& ring_reaper, bool counts) noexcept
      : ring_reaper_(ring_reaper), counts_(counts) {
    if (counts_) ring_reaper_.add_follower();
  }
  ~FollowerCount() {
    if (counts_) ring_reaper_.remove_follower();
    // It may have been woken to lead; then the next one is. One that would not lead cannot
    // tell whose turn it is among those that would not either: all of them look.
    ring_reaper_.promote(counts_ ? 1 : INT_MAX);
  }
  FollowerCount(const FollowerCount&) = delete;
  FollowerCount& operator=(const FollowerCount&) = delete;

 private:
  RingReaper& ring_reaper_;
  bool counts_;
};

}  // namespace

// True: a signal that this sent, or that came while it was awake, has interrupted the wait.
bool Waiter::take_what_came(FutexWaitSet& waits, sys::Deadline deadline) {
  {
    const sys::OwnSignals::Keep keep;
    ring_reaper_.reap();
    sink_.drain();
  }
  return one_ends(sys::OwnSignals::deliver() | waits.signals().news(), deadline);
}

RingReaper::Led Waiter::lead(FutexWaitSet& waits, sys::Deadline deadline) {
  const sys::OwnSignals::Keep keep;
  const auto led = ring_reaper_.lead(deadline, waits);
  sink_.drain();
  return led;
}

Waited Waiter::wait(FutexWaitSet& waits, sys::Deadline deadline) {
  sys::forget_sleep_jumped_over();
  const sys::NoCancellation no_cancellation;
  if (no_cancellation.was_enabled()) waits.caller_can_be_cancelled();
  const RingReaper::OverLeader over_leader(ring_reaper_);
  const sys::OwnSignals::Wait own_signals;
  bool interrupted = spin_ns_.load(std::memory_order_relaxed) != 0 && spin(waits, deadline);
  for (bool first = true;; first = false) {
    interrupted |= take_what_came(waits, deadline);
    if (waits.done()) return Waited::done;
    if (interrupted) return Waited::interrupted;
    // One that was just set is not over yet.
    const bool may_be_over = !first && deadline != sys::forever;
    if (deadline == sys::over || (may_be_over && sys::monotonic_ns() >= deadline))
      return Waited::timed_out;

    auto led = RingReaper::Led::busy;
    if (waits.on_ring() != WaitSet::OnRing::none) {
      if (spin_before_sleep(waits, deadline)) continue;
      led = lead(waits, deadline);
      interrupted = one_ends(sys::OwnSignals::deliver(), deadline);
    }
    if (led == RingReaper::Led::busy && !interrupted) {
      interrupted = follow(waits, deadline) == Waited::interrupted;
    } else if (led == RingReaper::Led::interrupted) {
      interrupted |= may_have_ended(deadline);
    }
  }
}

// True: interrupted.
bool Waiter::spin(FutexWaitSet& waits, sys::Deadline deadline) {
  const sys::Deadline until =
      std::min(deadline, sys::monotonic_ns() + spin_ns_.load(std::memory_order_relaxed));
  while (!waits.done() && sys::monotonic_ns() < until) {
    sys::relax();
    if (take_what_came(waits, deadline)) return true;
  }
  return false;
}

// For a thread that would lead. True: something has come. Not for several, which come in bursts: a
// sleep until the first one comes is over when there are many, and to look for each costs more.
bool Waiter::spin_before_sleep(const FutexWaitSet& waits, sys::Deadline deadline) {
  if (!waits.one_is_enough() || ring_reaper_.led() || !ring_reaper_.context().ring().usable())
    return false;
  // Not all comes by the ring, nor through us.
  return spin_budget_.spin_before_sleep(
      deadline, [this] { return ring_reaper_.something_visible(); },
      [&waits] { return waits.done(); });
}

Waited Waiter::follow(FutexWaitSet& waits, sys::Deadline deadline) {
  if (ring_reaper_.interrupted_here())
    deadline = std::min(deadline, sys::monotonic_ns() + blind_look_ns);
  // Nothing on the ring: no use as a leader. What gets there later is pushed.
  const bool could_lead = waits.on_ring() != WaitSet::OnRing::none;
  const FollowerCount counted(ring_reaper_, could_lead);
  const std::uint32_t leader_word = ring_reaper_.leader_word().load(std::memory_order_seq_cst);
  // Counted, then looked: a leader that has left meanwhile either sees the count
  // and wakes us, or is seen here to be gone.
  if (waits.mark()) return Waited::done;
  if (could_lead && !ring_reaper_.led()) return Waited::done;
  // Only a leader can have gone without a word.
  const std::int64_t look_ns = could_lead ? ring_reaper_.look_at_leader_ns() : sys::forever;
  const sys::Deadline until =
      look_ns == sys::forever ? deadline : std::min(deadline, sys::monotonic_ns() + look_ns);
  const int error_number = sleep_on_words(waits, could_lead, leader_word, {deadline, until});
  return error_number == EINTR ? Waited::interrupted : Waited::done;
}

int Waiter::sleep_on_words(FutexWaitSet& waits, bool could_lead, std::uint32_t leader_word,
                           Sleep sleep) {
  std::array<sys::FutexExpectation, sys::futex_waitv_max> words;
  if (!has_futex_waitv.load(std::memory_order_relaxed))
    return sleep_on_any(waits, leader_word, sleep);
  // With a time, a handler ends the wait even if it asks for restarting; the kernel
  // restarts futex_waitv all the same. To ask for handlers takes a call for each signal:
  // worth it where every completion would wake many.
  const bool timed = sleep.deadline != sys::forever;
  const TimedFollower follower(timed);
  if (timed && (follower.alone() || has_handler(Handlers::that_restart)))
    return sleep_on_any(waits, leader_word, sleep);
  const std::size_t count = waits.words(std::span(words).first(follow_words_max));
  assert(count <= follow_words_max);
  if (count == 0) {
    waits.slept();
    return 0;
  }
  std::size_t word_count = count;
  // Only one that could lead: a promotion wakes one thread.
  if (could_lead)
    words[word_count++] = {.expected = leader_word, .word = &ring_reaper_.leader_word()};
  words[word_count++] = waits.signals().word();
  const auto expected = std::span<const sys::FutexExpectation>(words).first(word_count);
  const int error_number = sys::as_cancellation_point(
      waits.cancellable(),
      [expected, until = sleep.until] { return sys::futex_wait_any(expected, until); });
  waits.slept();
  if (error_number == 0 || error_number == EINTR || error_number == EAGAIN ||
      error_number == ETIMEDOUT)
    return error_number;
  if (error_number == ENOMEM) return sleep_on_any(waits, leader_word, sleep);  // this time
  has_futex_waitv.store(false, std::memory_order_relaxed);
  return 0;
}

int Waiter::sleep_on_any(FutexWaitSet& waits, std::uint32_t leader_word, Sleep sleep) {
  const SleeperCount counted(completer_);
  // Once more, now that completions know of us. They change the word, and so does
  // an offer to lead since it was read.
  if (waits.done() || waits.signals().any()) return 0;
  const sys::FutexWord* word = &ring_reaper_.leader_word();
  const int error_number =
      sys::as_cancellation_point(waits.cancellable(), [word, leader_word, until = sleep.until] {
        return sys::futex_wait(*word, leader_word, until);
      });
  // With a time of ours every handler ends the sleep, also where that is not asked for.
  const bool by_any = error_number == EINTR && sleep.until != sleep.deadline;
  return by_any && !may_have_ended(sleep.deadline) ? 0 : error_number;
}

}  // namespace kaio
