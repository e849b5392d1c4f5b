// SPDX-License-Identifier: MIT
// POSIX AIO with SIGEV_THREAD: every completion calls a function on some thread,
// which hands the request to the main thread under a mutex, the way programs do.
#include "base/clock.h"
#include "base/interrupt.h"
#include "engines/posix_engine.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace aio_bench {

namespace {

class ThreadEngine final : public PosixEngine {
 public:
  ThreadEngine(const PosixAio& functions, const EngineSetup& setup)
      : PosixEngine(functions, setup), callers_(setup.transfers.size()) {
    announced_.reserve(callers_.size());
    taken_.reserve(callers_.size());
    for (unsigned slot = 0; slot < callers_.size(); ++slot) {
      callers_[slot] = {.engine = this, .slot = slot};
      sigevent& event = requests()[slot].aio_sigevent;
      event.sigev_notify = SIGEV_THREAD;
      event.sigev_notify_function = completed;
      event.sigev_value.sival_ptr = &callers_[slot];
    }
  }

  void wait(std::vector<Completion>& completions, std::int64_t deadline_ns) override {
    for (;;) {
      const timespec step = step_until(deadline_ns);
      {
        std::unique_lock lock(mutex_);
        arrived_.wait_for(
            lock, std::chrono::seconds(step.tv_sec) + std::chrono::nanoseconds(step.tv_nsec),
            [this] { return !announced_.empty(); });
        taken_.swap(announced_);
      }
      for (const unsigned slot : taken_) completions.push_back(take_result(slot));
      if (!taken_.empty()) break;
      if (interrupted() || now_ns() >= deadline_ns) return;
      look_for_lost_notifications();
    }
    taken_.clear();
    note_completion();
  }

 private:
  struct Caller {
    ThreadEngine* engine;
    unsigned slot;
  };

  static void completed(sigval value) {
    const auto* caller = static_cast<const Caller*>(value.sival_ptr);
    ThreadEngine& engine = *caller->engine;
    // Notified under the lock: once it is free, the engine may be destroyed.
    std::lock_guard lock(engine.mutex_);
    engine.announced_.push_back(caller->slot);
    engine.arrived_.notify_one();
  }

  std::vector<Caller> callers_;
  std::vector<unsigned> taken_;

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<unsigned> announced_;  // guarded by mutex_
};

}  // namespace

std::unique_ptr<Engine> make_thread_engine(const PosixAio& functions, const EngineSetup& setup) {
  return std::make_unique<ThreadEngine>(functions, setup);
}

}  // namespace aio_bench
