// SPDX-License-Identifier: MIT
// Signals that kaio's notifications send, and that may interrupt a thread of the program's
// which waits.
//
// Its own ones. A thread that waits finds the end of requests itself, and may take the
// signal that it sends for them. The handler would run as the call that sends returns,
// somewhere inside of kaio, and the wait would not know that it was interrupted. So while a
// thread keeps its own signals, each that it sends and does not block is blocked first.
// deliver() lets them in at a place where nothing is half done, and asks the kernel whether
// a handler ran: ppoll() with a mask, and no time to wait, says EINTR if one did in this
// thread, and in no other case.
//
// A signal for the process goes to the main thread if that does not block it. So if this
// one is the main thread it sends to itself: while the signal is blocked here, the kernel
// would look for another thread. Any other thread is passed over meanwhile in favour of
// one that does not block the signal.
//
// Those of other threads. The end of a request often wakes the thread that waits, and then
// comes the signal, while it is awake. All that are for the main thread are counted, so
// that it knows (SignalWatch). Whether another thread has got one nobody can tell, unless
// it was asleep.
//
// Async-signal-safe. What a longjmp() leaves behind ends with the thread's next wait.
#pragma once

#include <csignal>
#include <cstdint>
#include <sys/types.h>

#include "sys/mutex.h"

namespace kaio::sys {

class OwnSignals {
 public:
  using Set = std::uint64_t;  // as the kernel has it: bit 0 is signal 1
  static constexpr Set bit(int signal_number) noexcept { return Set{1} << (signal_number - 1); }

  // calls.queue_signal(), for any thread.
  static int send(pid_t tid, int signal_number, siginfo_t& info) noexcept;

  // Lets in those that were kept. Which they were, if a handler ran, else none.
  static Set deliver() noexcept { return state_.kept == 0 ? 0 : deliver_kept(); }

  // In its scope the thread keeps them, but for sleeps.
  class Keep {
   public:
    Keep() noexcept : before_(change(true)) {}
    ~Keep() { change(before_); }
    Keep(const Keep&) = delete;
    Keep& operator=(const Keep&) = delete;

   private:
    const bool before_;
  };

  // The scope of a wait. In a handler that interrupted another wait, it may deliver what that
  // one has kept; but when the handler returns the kernel blocks those signals again, as they
  // were when it began. So they count as kept once more.
  class Wait {
   public:
    Wait() noexcept : kept_before_(state_.kept) {}
    ~Wait() { state_.kept |= kept_before_; }
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;

   private:
    const Set kept_before_;
  };

  // Without a scope, for sleeps out of which a handler may jump. Returns what was.
  static bool change(bool keeps) noexcept {
    const bool before = state_.keeps;
    state_.keeps = keeps;
    signal_fence();
    return before;
  }

 private:
  struct State {
    bool keeps;
    Set kept;  // blocked by us
  };
  static Set deliver_kept() noexcept;
  static int send_counted(pid_t tid, int signal_number, siginfo_t& info) noexcept;

  friend class SignalWatch;
  // Signals sent to the main thread or the process, counted before and after.
  static inline FutexWord begun_{0};
  static inline FutexWord sent_{0};
  static inline std::atomic<Set> which_{0};

  static KAIO_THREAD_LOCAL State state_;
};

// Whether other threads have sent signals since it was made, or last looked.
class SignalWatch {
 public:
  // Those that the calling thread may have handled: none unless it is the main thread.
  OwnSignals::Set news() noexcept { return any() ? refresh_by_reaping() : 0; }
  bool any() const noexcept { return OwnSignals::begun_.load(std::memory_order_seq_cst) != seen_; }
  // To sleep on, or rather not to sleep if one was sent since the last look. Nobody wakes:
  // one that is sent later finds the thread asleep, and interrupts it.
  FutexExpectation word() const noexcept {
    return {.expected = seen_, .word = &OwnSignals::begun_};
  }

 private:
  OwnSignals::Set refresh_by_reaping() noexcept;

  std::uint32_t seen_ = OwnSignals::begun_.load(std::memory_order_seq_cst);
};

}  // namespace kaio::sys
