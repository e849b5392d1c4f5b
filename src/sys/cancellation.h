// SPDX-License-Identifier: MIT
// Thread cancellation. Many functions of the C library are cancellation points, and
// our frames do not expect to be unwound: so cancellation is off around each use of
// one, but for the one sleep of aio_suspend() and its like. What a request needs when
// all goes well uses none.
//
// Off is not quite off. The signal that cancels may be on its way when a thread leaves
// as_cancellation_point(), and glibc's wrapper of a cancellation point lets it unwind for
// as long as its system call takes, even if cancelling is off by then. So what a thread
// may do behind its sleep is done by direct_call.h, which knows of no cancelling.
#pragma once

#include <pthread.h>

namespace kaio::sys {

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
  ::pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
  ::pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, nullptr);
  const auto outcome = call();
  ::pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, nullptr);
  ::pthread_setcancelstate(state, nullptr);
  ::pthread_setcanceltype(type, nullptr);
  return outcome;
}

}  // namespace kaio::sys
