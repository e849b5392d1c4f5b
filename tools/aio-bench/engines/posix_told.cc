// SPDX-License-Identifier: MIT
// POSIX AIO by a program that is told of each completion: by a signal, by a call on some
// thread, or through an eventfd.
#include "base/clock.h"
#include "base/interrupt.h"
#include "engines/event_counter.h"
#include "engines/posix_engine.h"

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <kaio/aio.h>
#include <mutex>
#include <sys/resource.h>

namespace aio_bench {

namespace {

// SIGEV_SIGNAL: every completion queues a real-time signal, which the program fetches
// with sigtimedwait(), one by one.
class SignalEngine final : public PosixEngine {
 public:
  SignalEngine(const PosixAio& functions, const EngineSetup& setup)
      : PosixEngine(functions, setup), signal_number_(SIGRTMIN + static_cast<int>(setup.job)) {
    for (unsigned slot = 0; slot < requests().size(); ++slot) {
      sigevent& event = requests()[slot].aio_sigevent;
      event.sigev_notify = SIGEV_SIGNAL;
      event.sigev_signo = signal_number_;
      event.sigev_value.sival_int = static_cast<int>(slot);
    }
    sigemptyset(&signals_);
    sigaddset(&signals_, signal_number_);
  }

  void wait(std::vector<Completion>& completions, std::int64_t deadline_ns) override {
    for (;;) {
      siginfo_t info{};
      const timespec step = step_until(deadline_ns);
      if (sigtimedwait(&signals_, &info, &step) == signal_number_) {
        completions.push_back(take_result(static_cast<unsigned>(info.si_value.sival_int)));
        note_completion();
        return;
      }
      if (errno == EINTR || now_ns() >= deadline_ns) return;
      look_for_lost_notifications();
    }
  }

 private:
  const int signal_number_;
  sigset_t signals_{};
};

// SIGEV_THREAD: every completion calls a function on some thread, which hands the request
// to the main thread under a mutex, the way programs do.
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

// kaio's SIGEV_EVENTFD: completions are added to an eventfd, which the program would have
// in its event loop.
class EventfdEngine final : public AskingEngine {
 public:
  EventfdEngine(const PosixAio& functions, const EngineSetup& setup)
      : AskingEngine(functions, setup) {
    for (aiocb& request : requests()) {
      request.aio_sigevent.sigev_notify = SIGEV_EVENTFD;
      request.aio_sigevent.sigev_notify_eventfd = events_.descriptor();
    }
  }

  void wait(std::vector<Completion>& completions, std::int64_t deadline_ns) override {
    std::uint64_t event_count = 0;
    while ((event_count = events_.wait(step_until(deadline_ns))) == 0) {
      if (events_.was_interrupted() || now_ns() >= deadline_ns) return;
      look_for_lost_notifications();
    }
    note_completion();
    untaken_event_count_ += event_count;
    // The status is final before the eventfd says so: as many are done as it said.
    untaken_event_count_ -= take_finished(completions, untaken_event_count_);
  }

  std::optional<std::uint64_t> system_call_count() const override {
    return *PosixEngine::system_call_count() + events_.system_call_count();
  }

 private:
  EventCounter events_;
  std::uint64_t untaken_event_count_ = 0;
};

}  // namespace

std::unique_ptr<IoEngine> make_told_engine(const PosixAio& aio, const EngineSetup& setup) {
  if (setup.notify == Notify::signal) return std::make_unique<SignalEngine>(aio, setup);
  if (setup.notify == Notify::thread) return std::make_unique<ThreadEngine>(aio, setup);
  return std::make_unique<EventfdEngine>(aio, setup);
}

void block_notification_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int number = SIGRTMIN; number <= SIGRTMAX; ++number) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void check_signal_limit(unsigned count) {
  rlimit limit{};
  getrlimit(RLIMIT_SIGPENDING, &limit);
  if (limit.rlim_cur < count)
    throw RunError(
        "--notify signal with {} outstanding needs as many pending signals, and the limit is {}: "
        "raise it with ulimit -i, or lower --depth or --jobs",
        count, limit.rlim_cur);
}

}  // namespace aio_bench
