// SPDX-License-Identifier: MIT
#include "core/readiness/watcher.h"

#include <algorithm>
#include <cassert>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/cancellation.h"
#include "sys/clock.h"
#include "sys/futex.h"

namespace kaio {
namespace {

constexpr int no_stream = -1;  // in the place of a descriptor: wake_
constexpr int audit_interval_ms = 500;
constexpr std::int64_t audit_interval_ns = audit_interval_ms * INT64_C(1'000'000);
constexpr std::int64_t refused_pause_ns = 10'000'000;
constexpr std::uint32_t ends_everything = EPOLLERR | EPOLLHUP;

std::uint32_t wanted_by(const Transfer& transfer) {
  return transfer.operation.is_read() ? EPOLLIN | EPOLLRDHUP : EPOLLOUT;
}

}  // namespace

Watcher::~Watcher() {
  assert(is_idle());
  stop();
  wake_.signal();  // if the program has closed that, it wakes up for the next audit
  join();
}

bool Watcher::has_epoll() const noexcept { return epoll_.number() >= 0 && wake_.number() >= 0; }

bool Watcher::ensure_epoll() noexcept {
  if (has_epoll()) return true;
  const int saved_errno = errno;
  bool is_there = true;
  {
    sys::MutexLock lock(mutex_);
    if (!has_epoll()) {
      is_there = make_epoll();
      // It sleeps on the old instance, if it runs. Here, so that whoever watches by the new one
      // finds it gone.
      if (is_there) abandon();
    }
  }
  errno = saved_errno;
  return is_there;
}

// It is awake, and need not be abandoned.
void Watcher::restore_epoll() noexcept {
  {
    sys::MutexLock lock(mutex_);
    if (!has_epoll() && make_epoll()) return;
  }
  sys::sleep_for(has_epoll() ? refused_pause_ns : audit_interval_ns);
}

bool Watcher::make_epoll() noexcept {
  epoll_.close();
  if (!wake_.ensure() || !epoll_.adopt(::epoll_create1(EPOLL_CLOEXEC))) return false;
  epoll_event wake{.events = EPOLLIN | EPOLLET, .data = {.fd = no_stream}};
  if (::epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, wake_.number(), &wake) != 0) {
    epoll_.close();
    return false;
  }
  for (const TransferQueue& bucket : buckets_)
    for (const Transfer* transfer = bucket.front(); transfer != nullptr;
         transfer = bucket.after(*transfer))
      add(transfer->operation.fd);
  return true;
}

bool Watcher::ensure_thread() noexcept {
  if (sys::may_start_threads) return ensure_running();
  return is_running() || call_starter();
}

bool Watcher::can_start() noexcept {
  const sys::NoCancellation no_cancellation;
  return ensure_epoll() && ensure_thread();
}

void Watcher::start_threads() noexcept {
  if (!is_idle() && !ensure_running()) answer_everybody(Transfer::no_thread);
}

void Watcher::answer_everybody(std::int32_t answer) noexcept {
  for (std::size_t i = 0; i < bucket_count; ++i) {
    TransferQueue taken;
    {
      sys::MutexLock lock(mutex_);
      while (Transfer* transfer = buckets_[i].pop_front()) {
        leave(*transfer);
        taken.push_back(*transfer);
      }
    }
    answer_all(taken, answer);
  }
}

bool Watcher::start(Transfer& transfer) noexcept {
  const sys::NoCancellation no_cancellation;
  if (!ensure_epoll() || !ensure_thread()) return false;
  statistics_.count(Count::waits_by_epoll);
  const bool was_ready = transfer.retried;
  int error_number = 0;
  bool wake = false;
  TransferQueue gone;
  {
    sys::MutexLock lock(mutex_);
    transfer.move_to(TransferState::watched);
    bucket_of(transfer.operation.fd).push_back(transfer);
    if (!was_ready || transfer.watch_count() == 0 ||
        transfer.watch_count() != count_of(transfer.operation.fd))
      error_number = rearm(transfer.operation.fd);
    if (error_number == ENOENT) {
      // Nothing of this file is registered: whatever waits on its number waits for another.
      bucket_of(transfer.operation.fd).erase(transfer);
      take(transfer.operation.fd, ~0u, gone);
      bucket_of(transfer.operation.fd).push_back(transfer);
      error_number = add(transfer.operation.fd);
    }
    if (error_number == 0) {
      watched_count_.fetch_add(1, std::memory_order_seq_cst);
      if (transfer.has_deadline() && transfer.deadline_ns() < next_deadline_ns_) {
        next_deadline_ns_ = transfer.deadline_ns();
        wake = true;
      }
    }
    if (error_number != 0) {
      bucket_of(transfer.operation.fd).erase(transfer);
      transfer.move_to(TransferState::starting);
    }
  }
  if (wake) wake_.signal();
  answer_all(gone, -EBADF);
  // Once more, now that it is to be seen that there is something to watch.
  if (error_number == 0) return ensure_thread() || call_starter() || !remove(transfer);
  // EPERM: a kind of file that is always ready; there is no waiting for one that then has
  // nothing. Others are the transfer's error.
  if (error_number == EPERM) {
    sink_.on_result(transfer, was_ready ? -EAGAIN : EPOLLIN | EPOLLOUT);
  } else {
    sink_.on_result(transfer, -error_number);
  }
  return true;
}

bool Watcher::remove(Transfer& transfer) noexcept {
  sys::MutexLock lock(mutex_);
  if (transfer.state.load(std::memory_order_acquire) != TransferState::watched) return false;
  bucket_of(transfer.operation.fd).erase(transfer);
  watched_count_.fetch_sub(1, std::memory_order_seq_cst);
  transfer.move_to(TransferState::starting);
  return true;  // its registration, if nobody else's, wakes us once for nothing
}

// Under the lock: from here on it is not to be found here.
void Watcher::leave(Transfer& transfer) noexcept {
  transfer.set_watch_count(transfer.retried ? count_of(transfer.operation.fd) : 0);
  transfer.move_to(TransferState::starting);
  watched_count_.fetch_sub(1, std::memory_order_seq_cst);
}

void Watcher::take(int fd, std::uint32_t events, TransferQueue& taken) noexcept {
  TransferQueue rest;
  TransferQueue& bucket = bucket_of(fd);
  while (Transfer* transfer = bucket.pop_front()) {
    const bool concerned =
        transfer->operation.fd == fd && (events & (wanted_by(*transfer) | ends_everything)) != 0;
    (concerned ? taken : rest).push_back(*transfer);
    if (concerned) leave(*transfer);
  }
  bucket = rest;
}

void Watcher::take_due(TransferQueue& bucket, std::int64_t now_ns, TransferQueue& taken) noexcept {
  TransferQueue rest;
  while (Transfer* transfer = bucket.pop_front()) {
    const bool due = transfer->has_deadline() && transfer->deadline_ns() <= now_ns;
    (due ? taken : rest).push_back(*transfer);
    if (due) {
      leave(*transfer);
    } else if (transfer->has_deadline()) {
      next_deadline_ns_ = std::min(next_deadline_ns_, transfer->deadline_ns());
    }
  }
  bucket = rest;
}

std::uint32_t Watcher::wanted_on(int fd) noexcept {
  std::uint32_t events = 0;
  bool by_edges = false;
  const TransferQueue& bucket = bucket_of(fd);
  for (const Transfer* transfer = bucket.front(); transfer != nullptr;
       transfer = bucket.after(*transfer)) {
    if (transfer->operation.fd != fd) continue;
    events |= wanted_by(*transfer);
    by_edges = by_edges || transfer->retried;
  }
  return by_edges ? events | EPOLLET : events;
}

int Watcher::arm(int operation, int fd) noexcept {
  std::uint32_t events = wanted_on(fd);
  if ((events & EPOLLET) == 0) events |= EPOLLONESHOT;
  epoll_event registration{.events = events, .data = {.fd = fd}};
  count(fd);
  return ::epoll_ctl(epoll_.number(), operation, fd, &registration) == 0 ? 0 : errno;
}

int Watcher::rearm(int fd) noexcept { return arm(EPOLL_CTL_MOD, fd); }

int Watcher::add(int fd) noexcept {
  const int error_number = arm(EPOLL_CTL_ADD, fd);
  // EINVAL: it was closed, and the number is that of our own epoll.
  return error_number == EINVAL ? EBADF : error_number;
}

void Watcher::answer_all(TransferQueue& transfers, std::int32_t answer) {
  while (Transfer* transfer = transfers.pop_front()) {
    sink_.on_result(*transfer, answer);
  }
}

void Watcher::answer_ready(int fd, std::uint32_t events) noexcept {
  TransferQueue ready;
  {
    sys::MutexLock lock(mutex_);
    count(fd);
    take(fd, events, ready);
    // One that is out for a try may count on a registration for edges. What comes while
    // nobody wants it ends that.
    const bool by_edges = !ready.empty() && ready.front()->retried;
    const std::uint32_t wanted = wanted_on(fd);
    if (ready.empty() && wanted == 0) {
      ::epoll_ctl(epoll_.number(), EPOLL_CTL_DEL, fd, nullptr);
    } else if (wanted != 0 && (ready.empty() || ((wanted & EPOLLET) == 0 && !by_edges))) {
      rearm(fd);
    }
  }
  answer_all(ready, static_cast<std::int32_t>(events & 0xffff));
}

void Watcher::audit() noexcept {
  for (std::size_t i = 0; i < bucket_count; ++i) {
    TransferQueue gone;
    {
      sys::MutexLock lock(mutex_);
      const TransferQueue& bucket = buckets_[i];
      const Transfer* transfer = bucket.front();
      while (transfer != nullptr) {
        // ENOENT or EBADF if it was closed, EPERM if the number is a file now.
        if (rearm(transfer->operation.fd) != 0) {
          if (!has_epoll()) break;  // it is not the transfer's that was closed
          take(transfer->operation.fd, ~0u, gone);
          transfer = bucket.front();
        } else {
          transfer = bucket.after(*transfer);
        }
      }
    }
    answer_all(gone, -EBADF);
  }
}

int Watcher::wait_ms() noexcept {
  sys::MutexLock lock(mutex_);
  if (next_deadline_ns_ == INT64_MAX) return audit_interval_ms;
  const std::int64_t left_ns = next_deadline_ns_ - sys::monotonic_ns();
  constexpr std::int64_t ns_per_ms = 1'000'000;
  return static_cast<int>(
      std::clamp<std::int64_t>((left_ns + ns_per_ms - 1) / ns_per_ms, 0, audit_interval_ms));
}

void Watcher::expire() noexcept {
  TransferQueue due;
  {
    sys::MutexLock lock(mutex_);
    const std::int64_t now_ns = sys::monotonic_ns();
    if (next_deadline_ns_ > now_ns) return;
    next_deadline_ns_ = INT64_MAX;
    for (TransferQueue& bucket : buckets_) take_due(bucket, now_ns, due);
  }
  answer_all(due, Transfer::time_is_up);
}

// A filter may refuse epoll_wait() and let epoll_pwait() pass.
int Watcher::wait_events(std::span<epoll_event> events) noexcept {
  const int space = static_cast<int>(events.size());
  const int timeout_ms = wait_ms();
  const int count = ::epoll_wait(epoll_.number(), events.data(), space, timeout_ms);
  if (count >= 0 || errno == EINTR || errno == EBADF || errno == EINVAL) return count;
#ifdef SYS_epoll_wait
  const int fd = epoll_.number();
  return static_cast<int>(
      ::syscall(SYS_epoll_pwait, fd, events.data(), space, timeout_ms, nullptr, 0));
#else
  return count;
#endif
}

void Watcher::run(Turn turn) {
  std::array<epoll_event, 64> ready;
  std::int64_t next_audit_ns = sys::monotonic_ns() + audit_interval_ns;
  std::int64_t idle_since_ns = sys::monotonic_ns();
  for (;;) {
    const int count = wait_events(ready);
    const int error_number = count < 0 ? errno : 0;
    for (int i = 0; i < count; ++i)
      if (ready[i].data.fd != no_stream) answer_ready(ready[i].data.fd, ready[i].events);
    expire();
    const std::int64_t now_ns = sys::monotonic_ns();
    if (now_ns >= next_audit_ns) {
      audit();
      next_audit_ns = now_ns + audit_interval_ns;
    }
    const bool is_gone = error_number == EBADF || error_number == EINVAL;
    const bool is_refused = error_number != 0 && error_number != EINTR && !is_gone;
    if (is_refused && !is_idle()) answer_everybody(-error_number);
    sink_.drain();
    if (is_replaced(turn)) return;
    if (is_gone) restore_epoll();
    if (is_refused) sys::sleep_for(refused_pause_ns);
    if (count > 0 || !is_idle()) idle_since_ns = now_ns;
    if (now_ns - idle_since_ns >= sys::thread_idle_ns &&
        may_end(turn, [this] { return !is_idle(); }))
      return;
  }
}

}  // namespace kaio
