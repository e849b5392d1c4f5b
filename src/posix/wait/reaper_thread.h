// SPDX-License-Identifier: MIT
// The thread that acts on completions which somebody waits for outside of our
// functions, other than by callbacks: it sleeps on its doorbell, an eventfd that such
// iocbs carry, and leads while reaping is required. Started with the first request that
// needs it; it ends when it has been idle for a while and no notification is due.
//
// The program may close the doorbell's number. The request that finds it gone makes a new
// one, and abandons the thread that sleeps on the old one and cannot be woken any more:
// another takes its place, and looks after the requests whose iocbs carry the old one.
//
// It never runs user code and never submits anything that may block.
#pragma once

#include "posix/wait/ring_reaper.h"
#include "sys/lazy_thread.h"

namespace kaio {

// Work that wants to be tried again at times: signals that found the queue full,
// threads that could not be made, or not by the thread that needs them.
class PeriodicWork {
 public:
  // Nanoseconds until it wants to be called again; sys::forever: not at all.
  virtual std::int64_t try_again() = 0;
  // Some notification is still to be sent, so the thread has to stay.
  virtual bool is_due() const noexcept = 0;

 protected:
  ~PeriodicWork() = default;
};

class ReaperThread final : private sys::LazyThread {
 public:
  ReaperThread(RingReaper& ring_reaper, ResultSink& sink, PeriodicWork& periodic,
               Statistics& statistics) noexcept
      : LazyThread("kaio-reaper"), ring_reaper_(ring_reaper), sink_(sink), periodic_(periodic),
        statistics_(statistics) {}

  // False: it does not run and no thread can be made. Cheap when it runs.
  bool ensure_running() noexcept { return LazyThread::ensure_running(); }

  // The number of its doorbell, for an iocb; -1 if there is none to be had.
  int doorbell() noexcept {
    const int number = ring_reaper_.context().doorbell().number();
    return number >= 0 ? number : replace_doorbell();
  }
  // The same; if io_submit refuses it, the program has closed it a moment ago.
  int doorbell_lately() noexcept {
    const int number = ring_reaper_.context().doorbell().number_lately();
    return number >= 0 ? number : replace_doorbell();
  }

  // Makes it look at its work; nothing if it does not run.
  void wake() noexcept {
    if (!is_running()) return;
    called_.store(true, std::memory_order_seq_cst);
    ring_reaper_.context().doorbell().signal();
    ring_reaper_.wake_leader();  // which may be the reaper
  }

 private:
  bool prepare() noexcept override { return ring_reaper_.context().doorbell().ensure(); }
  void started() noexcept override { statistics_.count(Count::threads_started); }
  void ended() noexcept override { statistics_.count(Count::threads_ended); }
  void run(Turn turn) override;
  bool lead(std::int64_t time_ns);
  bool is_needed() const noexcept;
  int replace_doorbell() noexcept EXCLUDES(doorbell_mutex_);
  void restore_doorbell() noexcept EXCLUDES(doorbell_mutex_);

  RingReaper& ring_reaper_;
  ResultSink& sink_;
  PeriodicWork& periodic_;
  Statistics& statistics_;
  sys::Mutex doorbell_mutex_;
  // Since it last began to look at its work.
  std::atomic<bool> called_{false};
  // Iocbs in the kernel carry a doorbell that nobody listens to any more.
  std::atomic<bool> looks_for_lost_{false};
};

}  // namespace kaio
