// SPDX-License-Identifier: MIT
#include "posix/notify/direct_sender.h"

#include <cerrno>
#include <ctime>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "posix/request/probes.h"
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
  // Whoever reaps must not block, whatever the descriptor is and however full.
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
  Line& line = item.notification.kind == Notification::Kind::eventfd ? eventfds_ : signals_;
  const bool overtakes = line.in_order && line.any_waiting.load(std::memory_order_acquire);
  if (!overtakes && try_send(item)) {
    owner_.sent(item);
    return true;
  }
  statistics_.count(Count::notification_retries);
  // In this order: whoever finds the flag finds the item.
  line.refused.push(item);
  line.any_waiting.store(true, std::memory_order_seq_cst);
  return false;
}

bool DirectSender::try_again() {
  const bool no_signal_waits = try_again(signals_);
  return try_again(eventfds_) && no_signal_waits;
}

bool DirectSender::try_again(Line& line) {
  if (!line.any_waiting.load(std::memory_order_acquire)) return true;
  for (;;) {
    // Those of a line in order are many, perhaps, and the first one decides.
    if (!line.in_order || line.waiting == nullptr) {
      Notifiable* const older = line.waiting;
      Notifiable** end = &line.waiting;
      for (*end = line.refused.take_in_order(); *end != nullptr;) end = &(*end)->next_item;
      *end = older;
    }
    for (Notifiable** place = &line.waiting; *place != nullptr;) {
      Notifiable* const item = *place;
      if (try_send(*item)) {
        *place = item->next_item;
        owner_.sent(*item);
      } else if (line.in_order) {
        return false;
      } else {
        place = &item->next_item;
      }
    }
    if (line.waiting != nullptr) return false;
    line.any_waiting.store(false, std::memory_order_seq_cst);
    // Whoever saw the flag still set may have pushed since.
    if (line.refused.empty()) return true;
    line.any_waiting.store(true, std::memory_order_seq_cst);
  }
}

}  // namespace kaio
