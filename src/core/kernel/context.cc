// SPDX-License-Identifier: MIT
#include "core/kernel/context.h"

#include <fcntl.h>
#include <optional>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/kernel/iocb.h"
#include "sys/calls.h"
#include "sys/cancellation.h"
#include "sys/direct_call.h"
#include "sys/thread_sanitizer.h"

namespace kaio {
namespace {

constexpr unsigned queue_depth_min = 16;

constexpr std::int64_t ask_again_after_ns = 100'000'000;

// Whether what was refused may be granted a moment later.
bool is_passing(int error_number) noexcept {
  return error_number == EAGAIN || error_number == ENOMEM || error_number == EMFILE ||
         error_number == ENFILE;
}

// By trying, since a version number says nothing about a backport. Null: there is no
// descriptor for it now.
std::optional<bool> probe_nosignal() noexcept {
  const int fd = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return is_passing(errno) ? std::nullopt : std::optional(false);
  char byte = 0;
  const iovec part{.iov_base = &byte, .iov_len = 1};
  const bool supported = ::pwritev2(fd, &part, 1, 0, static_cast<int>(iocb_of::rwf_nosignal)) == 1;
  ::close(fd);
  return supported;
}

}  // namespace

Context::~Context() {
  if (ready()) sys::direct_call(SYS_io_destroy, context_);
}

bool Context::set_up() noexcept {
  if (sys::monotonic_ns() < ask_again_ns_.load(std::memory_order_relaxed)) return false;
  const sys::NoCancellation no_cancellation;
  const int saved_errno = errno;
  State state = State::unknown;
  Outcome outcome{.asked_count = options_.queue_depth};
  {
    sys::MutexLock lock(set_up_mutex_);
    state = state_.load(std::memory_order_relaxed);
    if (state == State::unknown || state == State::scarce) {
      state = options_.enabled ? make_context(outcome) : State::absent;
      if (state == State::scarce)
        ask_again_ns_.store(sys::monotonic_ns() + ask_again_after_ns, std::memory_order_relaxed);
      refusal_.store(state == State::ready ? 0 : outcome.error_number, std::memory_order_relaxed);
      state_.store(state, std::memory_order_release);
    }
  }
  // Not with the lock held, as it takes a while.
  if (outcome.call != nullptr) loss_report_.set_up(outcome, state == State::scarce);
  errno = saved_errno;
  return state == State::ready;
}

Context::State Context::make_context(Outcome& outcome) noexcept {
  const std::optional<bool> nosignal = probe_nosignal();
  if (!nosignal) {
    outcome.call = "open";
    outcome.error_number = errno;
    return State::scarce;
  }
  outcome.call = "io_setup";
  // fs.aio-max-nr is for the whole machine: when little is left, take less.
  unsigned depth = options_.queue_depth;
  while (const int answer = sys::calls.io_setup(depth, &context_)) {
    context_ = nullptr;
    outcome.error_number = -answer;
    if (depth / 2 < queue_depth_min) return is_passing(-answer) ? State::scarce : State::absent;
    depth /= 2;
  }
  outcome.granted_count = depth;
  const Ring ring(context_);
  // One slot of a full ring stays free, to tell it from an empty one. Fewer may
  // be had, as the kernel keeps some per processor: then io_submit says EAGAIN.
  capacity_ = ring.usable() ? ring.slot_count() - 1 : depth;
  if (ring.usable()) ::madvise(ring.address(), ring.size_bytes(), MADV_DONTFORK);
  if (options_.read_ring) ring_ = ring;
  if (ring_.usable()) ring_size_bytes_ = ring_.size_bytes();
  if (const int error_number = ring_.usable() ? 0 : events_error()) {
    outcome = {
        .call = "io_getevents", .error_number = error_number, .asked_count = outcome.asked_count};
    sys::direct_call(SYS_io_destroy, context_);
    context_ = nullptr;
    return State::absent;
  }
  has_nosignal_ = *nosignal;
  return State::ready;
}

// A filter may let contexts be made and refuse this. With the ring at hand a look now and
// then takes its place (RingReaper::sleep); without it nothing would ever end.
int Context::events_error() noexcept {
  io_event none;
  const timespec no_time{};
  return -sys::calls.io_getevents(context_, 0, 1, &none, &no_time);
}

std::size_t Context::take_events(std::span<io_event> events) noexcept {
  if (!ring_.usable()) {
    const timespec no_time{};
    const int count = get_events(0, events, &no_time);
    return count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  std::size_t count = 0;
  while (count < events.size() && ring_.take(events[count])) ++count;
  return count;
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
  state_.store(State::absent, std::memory_order_release);
  doorbell_.close();
  // Zeros: nothing in it, and no place for anything.
  if (ring_.usable())
    ::mmap(ring_.address(), ring_size_bytes_, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
}

}  // namespace kaio
