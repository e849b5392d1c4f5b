// SPDX-License-Identifier: MIT
// A bounded pool of threads for calls that may block. Jobs are taken by priority, in
// order of arrival. Of those of a file that would only get in each other's way, one at a
// time is in that order; the others wait for it in a queue of their file.
//
// The bound is of each device: a slow one, or a server that does not answer, has so many
// threads at most, and its other jobs wait for those. More devices at work may have more
// threads together, and there is one besides, for whichever comes next.
//
// No thread exists before the first job. Another one is started when there are more jobs than
// threads that are idle, or about to look at the queue: by whoever queues one. Workers start
// others only where that was not enough: the C library sets up 64 MiB of address space for each
// thread of ours that has to allocate memory, which counts where a program locks its memory.
// Whoever may start no threads calls one who may.
//
// Waking a thread that sleeps costs its waker more than everything else that
// submitting does (the processor it slept on is often idle, and has to be told), so
// a submitter wakes one only if nobody is about to look at the queue anyway: a
// thread that was woken and does not run yet, one that has finished its job and
// only reports it (which waits for nothing), or one that looks on for a few
// microseconds before it sleeps, which one worker does as long as that pays. Whoever
// looks and finds more than its own job wakes the next thread.
#pragma once

#include <optional>

#include "core/backend.h"
#include "core/statistics.h"
#include "core/threads/device_bounds.h"
#include "core/threads/job_queue.h"
#include "core/threads/file_queues.h"
#include "sys/clock.h"
#include "sys/thread_group.h"

namespace kaio {

namespace limits {
inline constexpr unsigned pool_threads_default = 32;
inline constexpr unsigned pool_threads_max = 4096;
inline constexpr int pool_idle_seconds_default = 1;  // glibc's
}  // namespace limits

// Carries out one transfer in a pool thread.
class Performer {
 public:
  // The part that may block. Nothing: the transfer has been handed on.
  virtual std::optional<std::int32_t> carry_out(Transfer& transfer) = 0;
  // The rest, which does not; `transfer` is null if it has been handed on. True: there is
  // something else to be seen to.
  virtual bool carried_out(Transfer* transfer, std::int32_t answer) = 0;
  // No thread can be made for it.
  virtual void refuse(Transfer& transfer) = 0;
  // What others have left to this thread. It may ask for files, and wait for a server.
  virtual void see_to_others() = 0;
  // Transfers that wait elsewhere have been promised a thread.
  virtual bool threads_are_promised() const noexcept { return false; }

 protected:
  ~Performer() = default;
};

class Pool final : public Backend {
 public:
  // `starter`: null if every thread may start others.
  Pool(Performer& performer, Statistics& statistics, ThreadStarter* starter = nullptr) noexcept
      : performer_(performer), statistics_(statistics), starter_(starter) {}
  // Waits until all that was queued is done.
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Queues the transfer (state `queued`), of which Transfer::set_file() has said what its file
  // is.
  bool start(Transfer& transfer) noexcept override EXCLUDES(mutex_);
  bool can_start() noexcept override EXCLUDES(mutex_);
  bool remove(Transfer& transfer) noexcept override EXCLUDES(mutex_);
  void start_threads() noexcept override EXCLUDES(mutex_);

  // As can_start(), for a transfer that comes later. One idle thread stays as long as the
  // performer says that threads_are_promised(), and for one idle time after that.
  bool promise_thread() noexcept EXCLUDES(mutex_);

  // Any time; threads over a lowered bound end when they have nothing to do. `threads_max`:
  // of one device.
  void configure(unsigned threads_max, std::int64_t idle_ns) noexcept EXCLUDES(mutex_);

 private:
  void run();
  bool enqueue(Transfer& transfer) noexcept REQUIRES(mutex_);
  void work_on(Transfer& transfer) REQUIRES(mutex_);
  Transfer* take() noexcept REQUIRES(mutex_);
  unsigned threads_bound() const noexcept REQUIRES(mutex_);
  bool need_wake() noexcept REQUIRES(mutex_);
  // Threads that look at the queue soon, or sleep until they are woken to do so.
  unsigned available() const noexcept REQUIRES(mutex_) {
    return starting_ + finishing_ + idle_ + (spinning_ ? 1 : 0);
  }
  bool somebody_will_look() const noexcept REQUIRES(mutex_) {
    return waking_ || starting_ != 0 || spinning_ || finishing_ != 0;
  }
  // Whether what is queued should have another thread.
  bool lacks_thread() const noexcept REQUIRES(mutex_);
  // The same; if so, it is counted already.
  bool need_thread() noexcept REQUIRES(mutex_);
  // Starts one that is counted. False: it cannot be made.
  bool start_counted() noexcept EXCLUDES(mutex_);
  // Looks for work without sleeping. True: there may be some.
  bool spin() noexcept REQUIRES(mutex_);
  bool start_worker() noexcept;
  bool call_starter() noexcept { return starter_ != nullptr && starter_->call(); }
  bool ensure_worker() noexcept EXCLUDES(mutex_);
  bool has_any() noexcept EXCLUDES(mutex_);
  void refuse_all() noexcept EXCLUDES(mutex_);

  Performer& performer_;
  Statistics& statistics_;
  ThreadStarter* const starter_;
  sys::ThreadGroup workers_;

  sys::Mutex mutex_;
  JobQueue queue_
      GUARDED_BY(mutex_);  // without those that wait for others of their file, or for a device
  DeviceBounds devices_ GUARDED_BY(mutex_);
  FileQueues file_queues_ GUARDED_BY(mutex_);
  bool ends_ GUARDED_BY(mutex_) = false;
  // A thread was promised since an idle one last looked, or still was at that look.
  bool promised_ GUARDED_BY(mutex_) = false;
  unsigned threads_ GUARDED_BY(mutex_) = 0;
  unsigned idle_ GUARDED_BY(mutex_) = 0;
  // Threads that will look at the queue soon, each for its own reason.
  bool waking_ GUARDED_BY(mutex_) = false;
  unsigned starting_ GUARDED_BY(mutex_) = 0;
  bool spinning_ GUARDED_BY(mutex_) = false;
  unsigned finishing_ GUARDED_BY(mutex_) = 0;
  unsigned spin_credit_ GUARDED_BY(mutex_) = 0;
  unsigned sleeps_ GUARDED_BY(mutex_) = 0;
  unsigned threads_max_ GUARDED_BY(mutex_) = limits::pool_threads_default;
  std::int64_t idle_ns_ GUARDED_BY(mutex_) = limits::pool_idle_seconds_default *
                                             INT64_C(1'000'000'000);
  sys::FutexWord jobs_{0};  // counts submissions; idle threads sleep on it
};

}  // namespace kaio
