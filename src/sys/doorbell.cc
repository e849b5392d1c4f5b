// SPDX-License-Identifier: MIT
#include "sys/doorbell.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include "sys/cancellation.h"
#include "sys/direct_call.h"
#include "sys/futex.h"

namespace kaio::sys {
namespace {

constexpr std::int64_t look_interval_ns = 1'000'000;

}  // namespace

bool Doorbell::ensure() noexcept {
  if (descriptor_.number() >= 0) return true;
  const NoCancellation no_cancellation;
  const int saved_errno = errno;
  // Non-blocking: between a look at it and the read another thread may have cleared it.
  const bool made = descriptor_.adopt(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  errno = saved_errno;
  return made;
}

bool Doorbell::signal() const noexcept {
  const int fd = descriptor_.number();
  const std::uint64_t one = 1;
  return fd >= 0 && direct_call(SYS_write, fd, &one, sizeof one) == sizeof one;
}

bool Doorbell::clear() const noexcept {
  const int fd = descriptor_.number();
  std::uint64_t signals = 0;
  return fd >= 0 && direct_call(SYS_read, fd, &signals, sizeof signals) == sizeof signals;
}

Doorbell::Woken Doorbell::wait(Deadline deadline) const noexcept {
  pollfd look{.fd = descriptor_.number(), .events = POLLIN, .revents = 0};
  if (look.fd < 0) return Woken::gone;
  timespec timeout{};
  if (deadline != forever) timeout = to_timespec(std::max(deadline - monotonic_ns(), INT64_C(0)));
  const long outcome =
      direct_call(SYS_ppoll, &look, 1, deadline == forever ? nullptr : &timeout, nullptr, 0);
  if (outcome == 0) return Woken::timed_out;
  if (outcome < 0 && outcome != -EINTR) return wait_without_poll(deadline);
  clear();  // asks again: the number may have changed hands during the sleep
  return Woken::signalled;
}

// A filter refuses ppoll(): looks often.
Doorbell::Woken Doorbell::wait_without_poll(Deadline deadline) const noexcept {
  while (!clear()) {
    if (descriptor_.number() < 0) return Woken::gone;
    const std::int64_t left_ns = deadline - monotonic_ns();
    if (left_ns <= 0) return Woken::timed_out;
    sleep_for(std::min(left_ns, look_interval_ns));
  }
  return Woken::signalled;
}

}  // namespace kaio::sys
