// SPDX-License-Identifier: MIT
#include "sys/thread.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <sched.h>
#include <sys/prctl.h>

#include "sys/calls.h"
#include "sys/signals_held.h"

namespace kaio::sys {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
constexpr std::size_t own_stack_bytes = 512 << 10;
#else
constexpr std::size_t own_stack_bytes = 64 << 10;
#endif
// Below the program's own size, callbacks are given what can be had down to this.
constexpr std::size_t callback_stack_bytes_min = 256 << 10;

class ThreadAttributes {
 public:
  explicit ThreadAttributes(Ending ending) noexcept {
    ::pthread_attr_init(&attributes_);
    if (ending == Ending::detached)
      ::pthread_attr_setdetachstate(&attributes_, PTHREAD_CREATE_DETACHED);
    ::pthread_attr_getstacksize(&attributes_, &default_stack_bytes_);
  }
  ~ThreadAttributes() { ::pthread_attr_destroy(&attributes_); }
  ThreadAttributes(const ThreadAttributes&) = delete;
  ThreadAttributes& operator=(const ThreadAttributes&) = delete;
  std::size_t default_stack_bytes() const noexcept { return default_stack_bytes_; }
  void set_stack_bytes(std::size_t size_bytes) noexcept {
    ::pthread_attr_setstacksize(&attributes_, size_bytes);
  }
  const pthread_attr_t* get() const noexcept { return &attributes_; }

 private:
  pthread_attr_t attributes_;
  std::size_t default_stack_bytes_ = 0;
};

int create(ThreadFunction run, void* argument, ThreadAttributes& attributes,
           std::size_t stack_bytes) noexcept {
  attributes.set_stack_bytes(stack_bytes);
  pthread_t thread{};
  return calls.create_thread(&thread, attributes.get(), run, argument);
}

// The C library takes the thread-local variables of all libraries out of the stack, and says
// EINVAL when too little is left.
int create_with_own_stack(ThreadFunction run, void* argument,
                          ThreadAttributes& attributes) noexcept {
  const std::size_t most = std::max(attributes.default_stack_bytes(), own_stack_bytes);
  int outcome = 0;
  for (std::size_t size = own_stack_bytes; size <= most; size *= 2)
    if ((outcome = create(run, argument, attributes, size)) != -EINVAL) break;
  return outcome;
}

// A smaller stack than the program's threads have is better than no callback: most need
// little of it.
int create_with_programs_stack(ThreadFunction run, void* argument,
                               ThreadAttributes& attributes) noexcept {
  std::size_t size = attributes.default_stack_bytes();
  int outcome = create(run, argument, attributes, size);
  while (outcome == -EAGAIN && size / 4 >= callback_stack_bytes_min)
    outcome = create(run, argument, attributes, size /= 4);
  return outcome;
}

}  // namespace

KAIO_THREAD_LOCAL bool may_start_threads = true;

int start_thread(ThreadFunction run, void* argument, Stack stack, Ending ending) noexcept {
  // Here, so that no signal slips in at its start.
  const AllSignalsHeld signals_held;
  ThreadAttributes attributes(ending);
  return stack == Stack::ours ? create_with_own_stack(run, argument, attributes)
                              : create_with_programs_stack(run, argument, attributes);
}

void never_preempt_on_wake_up() noexcept {
  const sched_param none{};
  if (::sched_getscheduler(0) == SCHED_OTHER) ::sched_setscheduler(0, SCHED_BATCH, &none);
}

void name_this_thread(const char* name) noexcept { ::prctl(PR_SET_NAME, name); }

}  // namespace kaio::sys
