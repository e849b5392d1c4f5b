// SPDX-License-Identifier: MIT
#include "poll/watcher.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "sys/cancellation.h"
#include "sys/clock.h"

namespace kaio {
namespace {

constexpr int audit_interval_ms = 500;
constexpr std::int64_t audit_interval_ns = audit_interval_ms * INT64_C(1'000'000);
constexpr std::uint32_t ends_everything = EPOLLERR | EPOLLHUP;

std::uint32_t wanted_by(const Request& request) {
  return request.operation.is_read() ? EPOLLIN | EPOLLRDHUP : EPOLLOUT;
}

}  // namespace

bool Watcher::ensure_epoll() noexcept {
  if (epoll_.number() >= 0) return true;
  const int saved_errno = errno;
  bool replaced = false;
  {
    sys::MutexLock lock(mutex_);
    if (epoll_.number() < 0) {
      if (epoll_.adopt(::epoll_create1(EPOLL_CLOEXEC))) {
        for (const RequestQueue& bucket : buckets_)
          for (const Request* request = bucket.front(); request != nullptr;
               request = bucket.after(*request))
            add(request->operation.fd);
        replaced = true;
      }
    }
  }
  errno = saved_errno;
  if (epoll_.number_unasked() < 0) return false;
  // It sleeps on the old instance, if it runs.
  if (replaced) abandon();
  return true;
}

bool Watcher::watch(Request& request) noexcept {
  const sys::NoCancellation no_cancellation;
  if (!ensure_epoll() || !ensure_running()) return false;
  statistics_.count(Count::waits_by_epoll);
  int error_number = 0;
  RequestQueue gone;
  {
    sys::MutexLock lock(mutex_);
    request.move_to(RequestState::watched);
    bucket_of(request.operation.fd).push_back(request);
    error_number = rearm(request.operation.fd);
    if (error_number == ENOENT) {
      // Nothing of this file is registered: who waits on its number waits for another.
      bucket_of(request.operation.fd).erase(request);
      take(request.operation.fd, ~0u, gone);
      bucket_of(request.operation.fd).push_back(request);
      error_number = add(request.operation.fd);
    }
    watched_count_.fetch_add(1, std::memory_order_seq_cst);
    // Once more, now that it is to be seen that there is something to watch.
    if (error_number == 0 && !ensure_running()) error_number = EAGAIN;
    if (error_number != 0) {
      watched_count_.fetch_sub(1, std::memory_order_seq_cst);
      bucket_of(request.operation.fd).erase(request);
      request.move_to(RequestState::starting);
    }
  }
  answer_all(gone, -EBADF);
  // EPERM: a kind of file that is always ready. Others are the request's error.
  if (error_number != 0)
    sink_.answered(request, error_number == EPERM ? EPOLLIN | EPOLLOUT : -error_number);
  return true;
}

bool Watcher::remove(Request& request) noexcept {
  sys::MutexLock lock(mutex_);
  if (request.state.load(std::memory_order_acquire) != RequestState::watched) return false;
  bucket_of(request.operation.fd).erase(request);
  watched_count_.fetch_sub(1, std::memory_order_seq_cst);
  request.move_to(RequestState::starting);
  return true;  // its registration, if nobody else's, wakes us once for nothing
}

void Watcher::take(int fd, std::uint32_t events, RequestQueue& taken) noexcept {
  RequestQueue rest;
  RequestQueue& bucket = bucket_of(fd);
  while (Request* request = bucket.pop_front()) {
    const bool concerned = request->operation.fd == fd &&
                           (events & (wanted_by(*request) | ends_everything)) != 0;
    (concerned ? taken : rest).push_back(*request);
    if (!concerned) continue;
    // Under the lock: from here on it is not to be found here.
    request->move_to(RequestState::starting);
    watched_count_.fetch_sub(1, std::memory_order_seq_cst);
  }
  bucket = rest;
}

std::uint32_t Watcher::wanted_on(int fd) noexcept {
  std::uint32_t events = 0;
  const RequestQueue& bucket = bucket_of(fd);
  for (const Request* request = bucket.front(); request != nullptr;
       request = bucket.after(*request))
    if (request->operation.fd == fd) events |= wanted_by(*request);
  return events;
}

int Watcher::rearm(int fd) noexcept {
  epoll_event registration{.events = wanted_on(fd) | EPOLLONESHOT, .data = {.fd = fd}};
  return ::epoll_ctl(epoll_.number(), EPOLL_CTL_MOD, fd, &registration) == 0 ? 0 : errno;
}

int Watcher::add(int fd) noexcept {
  epoll_event registration{.events = wanted_on(fd) | EPOLLONESHOT, .data = {.fd = fd}};
  if (::epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, fd, &registration) == 0) return 0;
  // EINVAL: it was closed, and the number is that of our own epoll.
  return errno == EINVAL ? EBADF : errno;
}

void Watcher::answer_all(RequestQueue& requests, std::int32_t answer) {
  while (Request* request = requests.pop_front()) {
    sink_.answered(*request, answer);
  }
}

void Watcher::answer_ready(int fd, std::uint32_t events) noexcept {
  RequestQueue ready;
  {
    sys::MutexLock lock(mutex_);
    take(fd, events, ready);
    if (wanted_on(fd) != 0) rearm(fd);
  }
  answer_all(ready, static_cast<std::int32_t>(events & 0xffff));
}

void Watcher::audit() noexcept {
  for (std::size_t i = 0; i < bucket_count; ++i) {
    RequestQueue gone;
    {
      sys::MutexLock lock(mutex_);
      const RequestQueue& bucket = buckets_[i];
      const Request* request = bucket.front();
      while (request != nullptr) {
        // ENOENT or EBADF if it was closed, EPERM if the number is a file now.
        if (rearm(request->operation.fd) != 0) {
          take(request->operation.fd, ~0u, gone);
          request = bucket.front();
        } else {
          request = bucket.after(*request);
        }
      }
    }
    answer_all(gone, -EBADF);
  }
}

void Watcher::run(Turn turn) {
  std::array<epoll_event, 64> ready;
  std::int64_t next_audit_ns = sys::monotonic_ns() + audit_interval_ns;
  std::int64_t idle_since_ns = sys::monotonic_ns();
  for (;;) {
    const int count = ::epoll_wait(epoll_.number(), ready.data(), static_cast<int>(ready.size()),
                                   audit_interval_ms);
    const bool is_gone = count < 0 && errno != EINTR;
    for (int i = 0; i < count; ++i) answer_ready(ready[i].data.fd, ready[i].events);
    const std::int64_t now_ns = sys::monotonic_ns();
    if (now_ns >= next_audit_ns) {
      audit();
      next_audit_ns = now_ns + audit_interval_ns;
    }
    sink_.drain();
    if (is_abandoned(turn)) return;
    if (is_gone && !ensure_epoll()) sys::sleep_for(audit_interval_ns);
    if (count != 0 || !is_idle()) idle_since_ns = now_ns;
    if (now_ns - idle_since_ns >= sys::thread_idle_ns &&
        may_end(turn, [this] { return !is_idle(); }))
      return;
  }
}

}  // namespace kaio
