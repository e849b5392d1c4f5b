// SPDX-License-Identifier: MIT
// The thread that acts on completions which somebody waits for outside of our
// functions, other than by callbacks: it sleeps on its doorbell, an eventfd that such
// iocbs carry, and leads while there is debt. Started with the first request that
// needs it.
//
// It never runs user code and never submits anything that may block.
#pragma once

#include "kernel/harvester.h"

namespace kaio {

// Work that wants to be tried again at times: signals that found the queue full,
// threads that could not be made.
class PeriodicWork {
 public:
  // Nanoseconds until it wants to be called again; sys::forever: not at all.
  virtual std::int64_t try_again() = 0;

 protected:
  ~PeriodicWork() = default;
};

class Reaper {
 public:
  Reaper(Harvester& harvester, AnswerSink& sink, PeriodicWork& periodic,
         Statistics& statistics) noexcept
      : harvester_(harvester), sink_(sink), periodic_(periodic), statistics_(statistics) {}

  // False: it does not run and no thread can be made. Cheap when it runs.
  bool ensure_running() noexcept EXCLUDES(start_mutex_) {
    return running_.load(std::memory_order_acquire) || start();
  }

  // Makes it look at its work; nothing if it does not run.
  void wake() noexcept {
    if (!running_.load(std::memory_order_acquire)) return;
    harvester_.context().ring_doorbell();
    harvester_.call_leader();  // which may be the reaper
  }

 private:
  bool start() noexcept EXCLUDES(start_mutex_);
  [[noreturn]] void run();
  void sleep(std::int64_t time_ns) noexcept;

  Harvester& harvester_;
  AnswerSink& sink_;
  PeriodicWork& periodic_;
  Statistics& statistics_;
  sys::Mutex start_mutex_;
  std::atomic<bool> running_{false};
};

}  // namespace kaio
