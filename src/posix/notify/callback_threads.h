// SPDX-License-Identifier: MIT
// SIGEV_THREAD: callbacks on threads that are reused, one thread as long as
// callbacks return quickly, more when they do not.
//
// Listening. When nobody runs callbacks, one idle thread sleeps on the doorbell, an
// eventfd which the kernel signals when a request ends that only has callbacks to be told.
// It reaps and runs them itself, so between the end and the callback no other thread
// is involved. Completions are handled by whatever thread reaps, though, also in a
// signal handler: handing over is lock-free and async-signal-safe, and signals it as well.
//
// Watching. A callback may run for ever, block, call pthread_exit, or submit the next
// request. So a thread that begins to run callbacks wakes a spare thread, which reaps and looks
// every two milliseconds, as long as anything happens, whether the queue moves. If it
// holds something and nothing was taken for two looks, the running callbacks are
// stuck: the spare takes over, and as many threads are started as are stuck. When all is
// quiet it leaves off, and listens unless another one does. Threads beyond the spare end
// after a while without work; the spare and the last one too, when no callback is promised
// to any request. A request that promises one looks for an idle thread only after it has
// said so, and a thread that has ended looks for promises once more.
//
// The program may close the doorbell's number. The next promise makes another one, and a
// thread that listens to it; what slept on the old one wakes up when it has been idle.
//
// Signals are blocked, except in callbacks and between two that follow one another; there a
// handler interrupts kaio as in any other thread. What else a callback changes of its thread is
// brought back (thread_state.h), or else the thread ends as if the callback had ended it.
//
// If the program wants it so, each callback has a fresh thread instead (own_threads.h), which
// these make.
//
// So when nobody runs callbacks, somebody listens; when somebody does, somebody watches
// or listens; or is on the way there, and looks at the queue before it sleeps.
// test/model/callback_threads.pml has this, for threads that can be made.
#pragma once

#include <signal.h>

#include "core/statistics.h"
#include "posix/notify/own_threads.h"
#include "posix/notify/thread_state.h"
#include "posix/request/notification.h"
#include "posix/notify/notification_owner.h"
#include "sys/doorbell.h"
#include "sys/mutex.h"

namespace kaio {

class CallbackThreads {
 public:
  CallbackThreads(NotificationOwner& owner, Statistics& statistics) noexcept
      : owner_(owner), statistics_(statistics) {}

  // A request that is to be told by a callback has been made; it has been told, or was
  // refused. Until then a thread is there to run it, or ensure_running() has said otherwise.
  void promise() noexcept { promised_.fetch_add(1); }
  void settle() noexcept { promised_.fetch_sub(1); }

  // After promise(): makes sure that there is a thread to run it. False: there is none and
  // none can be made.
  bool ensure_running() noexcept EXCLUDES(mutex_) {
    return (thread_count_.load() > busy_count_.load() && mask_is_noted_.load() &&
            doorbell_.number_lately() >= 0) ||
           ensure_now(true);
  }

  // Makes up for a thread that could not be made, the spare one too.
  // False: it still cannot.
  bool ensure_queue_runs() noexcept EXCLUDES(mutex_);
  // Runs item.notification on one of the threads; `item` goes back to its owner
  // before the callback starts. Async-signal-safe. False: there is no thread, and
  // somebody has to call ensure_queue_runs().
  bool run(Notifiable& item) noexcept;

  // What a request signals that ends with a callback; -1 while there is no thread.
  int doorbell() const noexcept {
    return thread_count_.load() == 0 ? -1 : doorbell_.number_lately();
  }

  // io_submit refused a request that was to signal it. If it is gone, another one is made.
  void doubt_doorbell() noexcept EXCLUDES(mutex_) {
    doorbell_.doubt();
    ensure_running();
  }

  // Whether each callback that begins from now on has a thread of its own.
  void give_fresh_threads(bool fresh) noexcept { fresh_.store(fresh); }

  // In the child, where no callback is run for the parent any more.
  void forget_after_fork() noexcept;

 private:
  class Presence;  // a thread's part in the counts, given up also by pthread_exit

  bool ensure_now(bool by_program) noexcept EXCLUDES(mutex_);
  bool ensure_doorbell() noexcept REQUIRES(mutex_);
  void restore_doorbell() noexcept EXCLUDES(mutex_);
  bool start_thread() noexcept;
  void work();
  // Runs callbacks until there are none.
  void run_all(Presence& presence) EXCLUDES(mutex_);
  // Waits until there may be callbacks to run. False: end this thread.
  bool wait_for_work() EXCLUDES(mutex_);
  // As the spare: looks on while others run callbacks. True: take part.
  bool watch() EXCLUDES(mutex_);
  enum class Listened : std::uint8_t { signalled, may_end, another_does };
  // Sleeps until the doorbell is signalled.
  Listened listen() noexcept EXCLUDES(mutex_);
  // False: nothing has changed since `seen` for so long that this thread may end.
  bool sleep(std::uint32_t seen) noexcept EXCLUDES(mutex_);
  // After an idle time in which no callback has begun: nobody needs this thread.
  bool is_needless(std::uint32_t taken_before) noexcept EXCLUDES(mutex_) {
    return promised_.load() == 0 && taken_.load() == taken_before && queue_empty();
  }
  // Wakes a thread that is not running callbacks.
  void call_idle() noexcept { call_idle(1); }
  void call_idle(int count) noexcept;
  bool volunteer() noexcept;
  bool nobody_runs() const noexcept { return busy_count_.load() <= lost_count_.load(); }
  void give_up_on_busy() noexcept EXCLUDES(mutex_);
  std::uint32_t stop_being_lost(std::uint32_t seen) noexcept REQUIRES(mutex_);
  void keep_spare() noexcept;
  void call_watcher() noexcept;
  void end_if_forgotten() const;
  void retire();
  void call(const Notification& notification, ThreadState& state);
  bool call_attributed(AttributedCallback* attributed, sigval value);
  void call_here(NotifyFunction function, sigval value, ThreadState& state);
  Notifiable* take() noexcept EXCLUDES(mutex_);
  Notifiable* take_or_reap() EXCLUDES(mutex_);
  bool queue_empty() noexcept EXCLUDES(mutex_);

  NotificationOwner& owner_;
  Statistics& statistics_;

  NotifiableStack incoming_;
  sys::Mutex mutex_;
  Notifiable* queue_ GUARDED_BY(mutex_) = nullptr;  // oldest first

  std::atomic<std::uint32_t> promised_{0};  // callbacks that are still to begin
  std::atomic<std::uint32_t> thread_count_{0};
  std::atomic<std::uint32_t> busy_count_{0};            // running callbacks
  std::atomic<std::uint32_t> lost_count_{0};            // of those, stuck; changed under mutex_
  std::uint32_t give_up_count_ GUARDED_BY(mutex_) = 0;  // how often all busy ones became lost
  std::atomic<std::uint32_t> idle_count_{0};            // asleep, though not as a watcher
  std::atomic<std::uint32_t> volunteers_{0};            // idle ones that are to help
  std::atomic<std::uint32_t> watch_count_{0};           // spares that look on
  std::atomic<std::uint32_t> taken_{0};                 // callbacks ever begun
  sys::Doorbell doorbell_;                              // made before the first thread
  std::atomic<std::uint32_t> doorbell_turn_{0};         // counts those that were made
  std::atomic<bool> replacement_wanted_{false};  // of a thread that callbacks are not to meet
  std::atomic<bool> looks_for_lost_{false};      // requests may signal one that is gone
  std::atomic<bool> listening_{false};           // a thread sleeps on the last one, or will
  sys::FutexWord work_{0};                       // counts calls; others sleep on it
  std::atomic<bool> forgotten_{false};           // this is the child of a fork
  std::atomic<bool> fresh_{false};
  OwnThreads own_threads_;
  std::atomic<bool> mask_is_noted_{false};
  sigset_t program_mask_{};  // set before the first callback
};

}  // namespace kaio
