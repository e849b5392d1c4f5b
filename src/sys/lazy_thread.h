// SPDX-License-Identifier: MIT
// A thread of kaio's that exists only while it is needed. It is started by whoever needs it,
// ends by itself when it has been idle for a while, and is started again when needed anew.
// So a program whose own threads are gone can end, and one that has to be single-threaded for
// a moment (unshare, setns) only has to leave kaio alone for that long.
//
// No need is lost between the two: whoever needs the thread first makes its need visible, by
// a seq_cst operation, and then calls ensure_running(); a thread that wants to end says so
// first, and then looks for needs (may_end). One of the two sees the other.
//
// A thread can also be abandoned, if it sleeps where nobody can wake it any more: then
// another one takes its place at the next ensure_running(), and it ends when it wakes up. If
// no other could be made, it takes the place again itself.
//
// A derived class whose objects are destroyed calls stop() in its destructor, wakes the thread
// wherever it sleeps, and then calls join().
#pragma once

#include "sys/thread_group.h"

namespace kaio::sys {

class LazyThread {
 public:
  LazyThread(const LazyThread&) = delete;
  LazyThread& operator=(const LazyThread&) = delete;

  // False: it does not run, and no thread can be made. Cheap when it runs.
  bool ensure_running() noexcept EXCLUDES(mutex_) { return is_running() || start(); }
  bool is_running() const noexcept {
    return (state_.load(std::memory_order_seq_cst) & phase_mask) == running;
  }

 protected:
  explicit LazyThread(const char* name) noexcept : name_(name) {}
  ~LazyThread() = default;

  // No thread is started any more, and the one that runs finds itself replaced.
  void stop() noexcept EXCLUDES(mutex_);
  // After stop(), when each thread has been woken: all of them are gone.
  void join() noexcept { threads_.join(); }

  // Which of the threads that this object has had one is.
  using Turn = std::uint32_t;

  // What the thread does; it ends by returning, after may_end() or is_replaced() said so.
  virtual void run(Turn turn) = 0;
  // Before one is started, with nothing but the lock held: makes what it needs. False: that
  // cannot be had, and no thread is started.
  virtual bool prepare() noexcept { return true; }
  // One has been started; one has ended. For counting: others may run meanwhile.
  virtual void started() noexcept {}
  virtual void ended() noexcept {}

  // Both are for the thread itself. True: it has to return, and touch nothing of its owner's
  // any more, as another thread may be running in its place.
  template <class IsNeeded>
  bool may_end(Turn& turn, IsNeeded&& is_needed) noexcept EXCLUDES(mutex_) {
    std::uint32_t expected = turn | running;
    if (!state_.compare_exchange_strong(expected, turn | absent)) return is_replaced(turn);
    return !is_needed() || !take_place(turn);
  }
  bool is_replaced(Turn& turn) noexcept EXCLUDES(mutex_) {
    return (state_.load(std::memory_order_seq_cst) & ~phase_mask) != turn && !take_place(turn);
  }

  void abandon() noexcept EXCLUDES(mutex_);

 private:
  // The lower bits of the state; the others count the threads that were abandoned.
  static constexpr std::uint32_t phase_mask = 3, absent = 0, starting = 1, running = 2, stopped = 3,
                                 turn_one = 4;

  bool start() noexcept EXCLUDES(mutex_);
  // False: another thread has it.
  bool take_place(Turn& turn) noexcept EXCLUDES(mutex_);
  static void* enter(void* self);

  const char* const name_;
  ThreadGroup threads_;
  Mutex mutex_;
  // Changed with the lock held, but for a thread that says it ends.
  std::atomic<std::uint32_t> state_{absent};
};

}  // namespace kaio::sys
