// SPDX-License-Identifier: MIT
#include "sys/own_signals.h"

#include <cerrno>
#include <ctime>
#include <sys/syscall.h>
#include <utility>

#include "sys/calls.h"
#include "sys/direct_call.h"

namespace kaio::sys {
namespace {

// Returns what was blocked before.
OwnSignals::Set change_mask(int how, OwnSignals::Set signals) noexcept {
  OwnSignals::Set before = 0;
  direct_call(SYS_rt_sigprocmask, static_cast<long>(how), &signals, &before, sizeof signals);
  return before;
}

// For another thread's call that is about to send; it may have lost its processor.
constexpr int looks_max = 1000;

// A second one is dropped while the first one is pending.
constexpr bool is_standard(int signal_number) noexcept { return signal_number < 32; }

}  // namespace

KAIO_THREAD_LOCAL OwnSignals::State OwnSignals::state_{};

int OwnSignals::send(pid_t tid, int signal_number, siginfo_t& info) noexcept {
  if (!state_.keeps) return send_counted(tid, signal_number, info);
  const Set signal = bit(signal_number);
  if ((state_.kept & signal) != 0 && is_standard(signal_number)) {
    // Not lost for the wait: deliver() tells of it when the second one is there too.
    change(false);
    change_mask(SIG_UNBLOCK, signal);
    change(true);
  }
  const Set before = change_mask(SIG_BLOCK, signal);
  if ((before & signal) == 0) {
    state_.kept |= signal;
  } else if ((state_.kept & signal) == 0) {
    return send_counted(tid, signal_number, info);  // the program blocks it
  }
  if (direct_call(SYS_gettid) == info.si_pid && (tid == 0 || tid == info.si_pid))
    return calls.queue_signal(info.si_pid, signal_number, &info);
  return send_counted(tid, signal_number, info);
}

int OwnSignals::send_counted(pid_t tid, int signal_number, siginfo_t& info) noexcept {
  if (tid != 0 && tid != info.si_pid) return calls.queue_signal(tid, signal_number, &info);
  which_.fetch_or(bit(signal_number), std::memory_order_relaxed);
  // Before: whoever does not see it is asleep when the signal comes.
  begun_.fetch_add(1, std::memory_order_seq_cst);
  const int outcome = calls.queue_signal(tid, signal_number, &info);
  sent_.fetch_add(1, std::memory_order_release);
  return outcome;
}

OwnSignals::Set OwnSignals::deliver_kept() noexcept {
  const Set kept = std::exchange(state_.kept, 0);
  const Set open = change_mask(SIG_BLOCK, 0) & ~kept;
  const timespec no_time{};
  const bool handled = direct_call(SYS_ppoll, nullptr, 0, &no_time, &open, sizeof open) == -EINTR;
  // A handler of one that was sent twice has run once, and runs again here.
  change_mask(SIG_UNBLOCK, kept);
  return handled ? kept : 0;
}

OwnSignals::Set SignalWatch::refresh_by_reaping() noexcept {
  seen_ = OwnSignals::begun_.load(std::memory_order_seq_cst);
  if (direct_call(SYS_gettid) != direct_call(SYS_getpid)) return 0;
  // Until it has been sent: then the next call does not return before the handler has.
  for (int look = 0; look < looks_max; ++look) {
    const std::uint32_t sent = OwnSignals::sent_.load(std::memory_order_acquire);
    if (static_cast<std::int32_t>(sent - seen_) >= 0) break;
    direct_call(SYS_sched_yield);
  }
  return OwnSignals::which_.load(std::memory_order_relaxed) & ~change_mask(SIG_BLOCK, 0);
}

}  // namespace kaio::sys
