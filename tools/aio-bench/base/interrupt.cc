// SPDX-License-Identifier: MIT
#include "base/interrupt.h"

#include <csignal>
#include <initializer_list>

namespace aio_bench {

namespace {

volatile std::sig_atomic_t interrupt_seen = 0;

extern "C" void note_interrupt(int signal_number) { interrupt_seen = signal_number; }

}  // namespace

void watch_for_interrupt() {
  struct sigaction action {};
  action.sa_handler = note_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  for (const int signal_number : {SIGINT, SIGTERM, SIGHUP}) {
    // Ignored means that somebody (nohup) wanted it ignored.
    struct sigaction inherited {};
    sigaction(signal_number, nullptr, &inherited);
    if (inherited.sa_handler != SIG_IGN) sigaction(signal_number, &action, nullptr);
  }
}

bool interrupted() noexcept { return interrupt_seen != 0; }

int interrupt_exit_code() noexcept { return 128 + interrupt_seen; }

const char* interrupt_name() noexcept {
  return interrupt_seen == SIGTERM ? "SIGTERM" : interrupt_seen == SIGHUP ? "SIGHUP" : "";
}

}  // namespace aio_bench
