// SPDX-License-Identifier: MIT
// POSIX AIO with SIGEV_SIGNAL: every completion queues a real-time signal, which
// the program fetches with sigtimedwait(), one by one.
#include "base/clock.h"
#include "base/errors.h"
#include "engines/posix_engine.h"

#include <cerrno>
#include <csignal>
#include <fmt/format.h>
#include <sys/resource.h>

namespace aio_bench {

namespace {

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

}  // namespace

std::unique_ptr<Engine> make_signal_engine(const PosixAio& functions, const EngineSetup& setup) {
  return std::make_unique<SignalEngine>(functions, setup);
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
        fmt::format("--notify signal with {} outstanding needs as many pending signals, "
                    "and the limit is {}: raise it with ulimit -i, or lower --depth or "
                    "--jobs",
                    count, limit.rlim_cur));
}

}  // namespace aio_bench
