// SPDX-License-Identifier: MIT
// Thread cancellation. Many functions of the C library are cancellation points, and
// our frames do not expect to be unwound: so cancellation is off around each use of
// one, but for the one sleep of aio_suspend() and its like. What a request needs when
// all goes well uses none.
//
// Off is not quite off. The signal that cancels may be on its way when a thread leaves
// as_cancellation_point(), and glibc's handler of it looks at the type alone: while that is
// asynchronous the thread is unwound even if cancelling is off by then. So whoever shuts
// cancellation out in a handler sets both; and glibc's wrapper of a cancellation point
// makes the type asynchronous for as long as its system call takes. So what a thread
// may do behind its sleep is done by direct_call.h, which knows of no cancelling.
//
// A handler runs on top of the sleep that it interrupted, and so with cancelling enabled
// and asynchronous: on ours, and on the C library's own cancellation points. There the
// unwinding may begin at any instruction, and must meet no frame that has something to
// clean up or forbids exceptions: both end the process wherever the compiler expected
// none. So a function that handlers may call is a shell without either
// (posix/api/export.h: KAIO_ENTRY) around without_cancellation().
#pragma once

#include <csignal>
#include <cstdint>
#include <pthread.h>
#include <type_traits>

#include "sys/mutex.h"

namespace kaio::sys {

// The frame of a sleep of kaio's in which the thread can be cancelled, or 0: only a handler
// sees it, or what comes after one that left the sleep by siglongjmp().
inline KAIO_THREAD_LOCAL std::uintptr_t cancellable_sleep = 0;

// After such a jump the type is asynchronous still. What the program had is not known any
// more; deferred is what every thread begins with.
[[gnu::noinline]] inline void forget_sleep_jumped_over_now() noexcept {
  if (reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) <= cancellable_sleep) return;
  stack_t stack{};
  // A handler on a stack of its own is on top of the sleep, wherever that stack is.
  if (::sigaltstack(nullptr, &stack) != 0 || (stack.ss_flags & SS_ONSTACK) != 0) return;
  ::pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, nullptr);
  cancellable_sleep = 0;
}
inline void forget_sleep_jumped_over() noexcept {
  if (cancellable_sleep != 0) [[unlikely]]
    forget_sleep_jumped_over_now();
}

// Cancellation is off in the scope. Costs no system call; async-signal-safe.
class NoCancellation {
 public:
  NoCancellation() noexcept { ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &saved_); }
  ~NoCancellation() { ::pthread_setcancelstate(saved_, nullptr); }
  NoCancellation(const NoCancellation&) = delete;
  NoCancellation& operator=(const NoCancellation&) = delete;
  // Before.
  bool was_enabled() const noexcept { return saved_ == PTHREAD_CANCEL_ENABLE; }

 private:
  int saved_ = PTHREAD_CANCEL_ENABLE;
};

// Makes one system call as the C library makes its cancellation points: cancelling
// is asynchronous meanwhile, so the unwinding may begin at any instruction of this
// function. That is why it is not inlined, and has nothing to clean up: a frame
// with neither is passed over wherever it stands. `call` likewise.
//
// The type is asynchronous only while the state is "enabled" by us: a cancel that is pending
// already takes effect where the type is set, with PTHREAD_CANCELED as the thread's result;
// glibc leaves that undefined where the state is set.
template <class Call>
__attribute__((noinline)) auto as_cancellation_point(bool enabled, Call call) {
  if (!enabled) return call();
  int state = 0;
  int type = 0;
  ::pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
  const std::uintptr_t outer = cancellable_sleep;
  cancellable_sleep = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  ::pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
  ::pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, nullptr);
  const auto outcome = call();
  ::pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, nullptr);
  cancellable_sleep = outer;
  ::pthread_setcancelstate(state, nullptr);
  ::pthread_setcanceltype(type, nullptr);
  return outcome;
}

// The call without cancellation; it is told whether that was enabled if it wants to
// know, and throws nothing, but may be unwound from an as_cancellation_point(). One that came
// meanwhile takes effect behind it, if the thread can be cancelled asynchronously.
// Async-signal-safe.
template <class Call>
__attribute__((noinline)) auto without_cancellation(Call call) {
  int type = 0;
  int state = 0;
  forget_sleep_jumped_over();
  ::pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
  ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
  const auto outcome = [&] {
    if constexpr (std::is_invocable_v<Call, bool>)
      return call(state == PTHREAD_CANCEL_ENABLE);
    else
      return call();
  }();
  ::pthread_setcancelstate(state, nullptr);
  ::pthread_setcanceltype(type, nullptr);  // last: see as_cancellation_point()
  return outcome;
}

// Only in a handler on top of a sleep of ours: for what is called too often to pay more.
template <class Call>
inline auto without_cancellation_of_sleep(Call call) {
  if (cancellable_sleep != 0) [[unlikely]]
    return without_cancellation(call);
  return call();
}

}  // namespace kaio::sys
