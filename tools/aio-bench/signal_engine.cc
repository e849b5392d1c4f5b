// SPDX-License-Identifier: MIT
// POSIX AIO with SIGEV_SIGNAL: every completion queues a real-time signal, which
// the program fetches with sigtimedwait(), one by one.
#include "errors.h"
#include "posix_engine.h"

#include <cerrno>
#include <csignal>
#include <fmt/format.h>
#include <sys/resource.h>

namespace aio_bench {

namespace {

class SignalEngine final : public PosixEngine {
 public:
  SignalEngine(const PosixAio& functions, const EngineSetup& setup)
      : PosixEngine(functions, setup) {
    for (unsigned slot = 0; slot < requests().size(); ++slot) {
      sigevent& event = requests()[slot].aio_sigevent;
      event.sigev_notify = SIGEV_SIGNAL;
      event.sigev_signo = SIGRTMIN;
      event.sigev_value.sival_int = static_cast<int>(slot);
    }
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGRTMIN);
    pthread_sigmask(SIG_BLOCK, &signals_, &mask_before_);
  }

  ~SignalEngine() override { pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr); }

  void wait(std::vector<Completion>& completions) override {
    static constexpr timespec one_second{.tv_sec = 1, .tv_nsec = 0};
    for (bool is_first_look = true;; is_first_look = false) {
      siginfo_t info{};
      if (sigtimedwait(&signals_, &info, &one_second) == SIGRTMIN) {
        completions.push_back(take_result(static_cast<unsigned>(info.si_value.sival_int)));
        return;
      }
      if (errno == EINTR) return;
      look_for_lost_notifications(is_first_look);
    }
  }

 private:
  sigset_t signals_{};
  sigset_t mask_before_{};
};

}  // namespace

std::unique_ptr<Engine> make_signal_engine(const PosixAio& functions, const EngineSetup& setup) {
  return std::make_unique<SignalEngine>(functions, setup);
}

void check_signal_limit(unsigned depth) {
  rlimit limit{};
  getrlimit(RLIMIT_SIGPENDING, &limit);
  if (limit.rlim_cur < depth)
    throw RunError(fmt::format("depth {} with --notify signal needs as many pending signals, and "
                               "the limit is {}: raise it with ulimit -i, or lower --depth",
                               depth, limit.rlim_cur));
}

}  // namespace aio_bench
