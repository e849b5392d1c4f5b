// SPDX-License-Identifier: MIT
#include "kernel/context.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kernel/iocb.h"
#include "sys/calls.h"
#include "sys/cancellation.h"
#include "sys/doorbell.h"
#include "sys/thread_sanitizer.h"

namespace kaio {
namespace {

constexpr unsigned queue_depth_min = 16;

// By trying, since a version number says nothing about a backport.
bool probe_nosignal() noexcept {
  const int fd = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char byte = 0;
  const iovec part{.iov_base = &byte, .iov_len = 1};
  const bool supported =
      ::pwritev2(fd, &part, 1, 0, static_cast<int>(iocb_of::rwf_nosignal)) == 1;
  ::close(fd);
  return supported;
}

}  // namespace

bool Context::set_up() noexcept {
  const sys::NoCancellation no_cancellation;
  const int saved_errno = errno;
  sys::MutexLock lock(set_up_mutex_);
  if (state_.load(std::memory_order_relaxed) == State::unknown) {
    doorbell_ = sys::make_doorbell();
    const bool made = options_.enabled && doorbell_ >= 0 && make_context();
    state_.store(made ? State::ready : State::absent, std::memory_order_release);
  }
  errno = saved_errno;
  return state_.load(std::memory_order_relaxed) == State::ready;
}

bool Context::make_context() noexcept {
  // fs.aio-max-nr is for the whole machine: when little is left, take less.
  unsigned depth = options_.queue_depth;
  while (sys::calls.io_setup(depth, &context_) != 0) {
    context_ = nullptr;
    if (depth / 2 < queue_depth_min) return false;
    depth /= 2;
  }
  const Ring ring(context_);
  // One slot of a full ring stays free, to tell it from an empty one. Fewer may
  // be had, as the kernel keeps some per processor: then io_submit says EAGAIN.
  capacity_ = ring.usable() ? ring.slot_count() - 1 : depth;
  if (ring.usable()) ::madvise(ring.address(), ring.size_bytes(), MADV_DONTFORK);
  if (options_.read_ring) ring_ = ring;
  has_nosignal_ = probe_nosignal();
  return true;
}

int Context::get_events(long min_count, std::span<io_event> events, const timespec* timeout) {
  statistics_.count(Count::io_getevents_calls);
  return sys::calls.io_getevents(context_, min_count, static_cast<long>(events.size()),
                                 events.data(), timeout);
}

bool Context::cancel(iocb& control) noexcept {
  io_event unused;
  const int outcome = sys::calls.io_cancel(context_, &control, &unused);
  return outcome == 0 || outcome == -EINPROGRESS;
}

void Context::forget_after_fork() noexcept {
  if (doorbell_ >= 0) ::close(doorbell_);
}

}  // namespace kaio
