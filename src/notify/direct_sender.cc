// SPDX-License-Identifier: MIT
#include "notify/direct_sender.h"

#include <cerrno>
#include <ctime>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "request/probes.h"
#include "sys/direct_call.h"
#include "sys/own_signals.h"

namespace kaio {

bool DirectSender::queue_signal(const Notification& notification) noexcept {
  siginfo_t info{};
  info.si_signo = notification.signal_number;
  info.si_code = SI_ASYNCIO;
  info.si_value = notification.value;
  info.si_pid = pid_;
  info.si_uid = ::getuid();
  const pid_t tid =
      notification.kind == Notification::Kind::thread_signal ? notification.target : 0;
  const int outcome = sys::OwnSignals::send(tid, notification.signal_number, info);
  if (outcome == -EAGAIN) return false;
  // Any other refusal is final: the thread it was for has ended (ESRCH).
  if (outcome == 0) statistics_.count(Count::notified_signal);
  return true;
}

bool DirectSender::add_to_eventfd(int fd) noexcept {
  // Whoever harvests must not block, whatever the descriptor is and however full.
  pollfd look{.fd = fd, .events = POLLOUT, .revents = 0};
  timespec no_time{};
  const bool room = fd < 0 || sys::direct_call(SYS_ppoll, &look, 1, &no_time, nullptr, 0) != 0;
  const std::uint64_t one = 1;
  if (room && sys::direct_call(SYS_write, fd, &one, sizeof one) == sizeof one)
    statistics_.count(Count::notified_eventfd);
  return room;
}

bool DirectSender::try_send(const Notifiable& item) noexcept {
  const Notification& notification = item.notification;
  const bool sent = notification.kind == Notification::Kind::eventfd
                        ? add_to_eventfd(notification.target)
                        : queue_signal(notification);
  if (sent) probes::notify(item);
  return sent;
}

bool DirectSender::send(Notifiable& item) {
  // Behind those that wait already, so that none is overtaken.
  if (!any_waiting_.load(std::memory_order_acquire) && try_send(item)) {
    owner_.sent(item);
    return true;
  }
  statistics_.count(Count::notification_retries);
  // In this order: who finds the flag finds the item.
  refused_.push(item);
  any_waiting_.store(true, std::memory_order_seq_cst);
  return false;
}

bool DirectSender::try_again() {
  if (!any_waiting_.load(std::memory_order_acquire)) return true;
  for (;;) {
    while (waiting_ != nullptr) {
      if (!try_send(*waiting_)) return false;
      Notifiable* item = waiting_;
      waiting_ = item->next;
      owner_.sent(*item);
    }
    waiting_ = refused_.take_in_order();
    if (waiting_ != nullptr) continue;
    any_waiting_.store(false, std::memory_order_seq_cst);
    // One that saw the flag still set may have pushed since.
    if (refused_.empty()) return true;
    any_waiting_.store(true, std::memory_order_seq_cst);
  }
}

}  // namespace kaio
