// SPDX-License-Identifier: MIT
// How a thread waits for requests: it looks, reaps, looks again; then it leads
// if it may, or follows (posix/wait/ring_reaper.h has the protocol).
//
// A follower sleeps on the status words of up to follow_words_max requests, or on event
// counts (event_counts.h), and, if it could lead, on the leader word at once
// (futex_waitv), so only the completion of one of its own wakes it. Before Linux 5.16, or
// with a timeout in a program with handlers that ask for restarting (or while no other
// thread follows so), it sleeps on the leader word alone, which every completion then
// changes.
//
// Before it sleeps it may spin: for as long as it was told to; or, if nobody leads yet and
// one completion is enough, for a few microseconds where that saves more than it costs
// (sys/spin_budget.h).
//
// What a waiter leaves behind when it goes, by timeout, signal or cancellation, is at most
// a mark in status words: needless wake-ups, one for each, until those requests end.
#pragma once

#include "posix/wait/completer.h"
#include "sys/own_signals.h"
#include "sys/spin_budget.h"

namespace kaio {

enum class Waited : std::uint8_t { done, timed_out, interrupted };

inline constexpr std::size_t follow_words_max = sys::futex_waitv_max - 2;

// A wait set that a follower can sleep on.
class FutexWaitSet : public WaitSet {
 public:
  // Before a sleep. Fills in what to sleep on, and returns how many there are, which fit.
  // 0: not to sleep, but to look again.
  virtual std::size_t words(std::span<sys::FutexExpectation> space) = 0;
  // After it, or instead of it, unless it ended by cancellation.
  virtual void slept() {}
  // Whether the next completion may be the one that ends the wait.
  virtual bool one_is_enough() const { return true; }
  // Whether the sleep is one, for a caller that can be cancelled.
  virtual bool is_cancellation_point() const { return true; }

  bool cancellable() const final { return cancellable_; }
  // For whoever has shut cancellation out before the wait.
  void caller_can_be_cancelled() noexcept { cancellable_ = is_cancellation_point(); }
  sys::SignalWatch& signals() noexcept { return signals_; }

 protected:
  ~FutexWaitSet() = default;

 private:
  bool cancellable_ = false;
  sys::SignalWatch signals_;
};

// In its scope every completion changes the leader word.
class SleeperCount {
 public:
  explicit SleeperCount(Completer& completer) noexcept : completer_(completer) {
    completer_.add_sleeper();
  }
  ~SleeperCount() { completer_.remove_sleeper(); }
  SleeperCount(const SleeperCount&) = delete;
  SleeperCount& operator=(const SleeperCount&) = delete;

 private:
  Completer& completer_;
};

// In its scope every result is announced.
class TakerCount {
 public:
  explicit TakerCount(Completer& completer) noexcept : completer_(completer) {
    completer_.add_taker();
  }
  ~TakerCount() { completer_.remove_taker(); }
  TakerCount(const TakerCount&) = delete;
  TakerCount& operator=(const TakerCount&) = delete;

 private:
  Completer& completer_;
};

class Waiter {
 public:
  Waiter(RingReaper& ring_reaper, Completer& completer, ResultSink& sink) noexcept
      : ring_reaper_(ring_reaper), completer_(completer), sink_(sink) {}

  void set_spin(std::int64_t time_ns) noexcept {
    spin_ns_.store(time_ns, std::memory_order_relaxed);
  }

  sys::SpinBudget& spin_budget() noexcept { return spin_budget_; }

  // Async-signal-safe; a cancellation point if the set says so. `interrupted` only
  // after a handler that does not ask for restarting, or with a deadline.
  Waited wait(FutexWaitSet& waits, sys::Deadline deadline);

 private:
  bool take_what_came(FutexWaitSet& waits, sys::Deadline deadline);
  RingReaper::Led lead(FutexWaitSet& waits, sys::Deadline deadline);
  bool spin(FutexWaitSet& waits, sys::Deadline deadline);
  bool spin_before_sleep(const FutexWaitSet& waits, sys::Deadline deadline);
  Waited follow(FutexWaitSet& waits, sys::Deadline deadline);
  struct Sleep {
    sys::Deadline deadline;  // of the wait
    sys::Deadline until;     // then, or before, it looks whether there is a leader still
  };
  int sleep_on_words(FutexWaitSet& waits, bool could_lead, std::uint32_t leader_word, Sleep sleep);
  int sleep_on_any(FutexWaitSet& waits, std::uint32_t leader_word, Sleep sleep);

  RingReaper& ring_reaper_;
  Completer& completer_;
  ResultSink& sink_;
  std::atomic<std::int64_t> spin_ns_{0};
  sys::SpinBudget spin_budget_;
};

}  // namespace kaio
