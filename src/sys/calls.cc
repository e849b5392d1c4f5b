// SPDX-License-Identifier: MIT
#include "sys/calls.h"

#include <atomic>

namespace kaio::sys {
namespace {

// libaio's own wrapper returns the negative error number and leaves errno alone.
int io_setup_call(unsigned event_count, io_context_t* context) {
  return ::io_setup(static_cast<int>(event_count), context);
}

template <class... Arguments>
int raw_call(long number, Arguments... arguments) {
  return static_cast<int>(direct_call(number, arguments...));
}

int io_submit_call(io_context_t context, long count, iocb** iocbs) {
  return raw_call(SYS_io_submit, context, count, iocbs);
}

// Not libaio's, which is a versioned symbol: it would end up among our own.
int io_cancel_call(io_context_t context, iocb* iocb, io_event* event) {
  return raw_call(SYS_io_cancel, context, iocb, event);
}

// Since Linux 4.18, and refused by older seccomp profiles.
std::atomic<bool> has_pgetevents{true};

// Not libaio's: it reads the ring behind our back.
int io_getevents_call(io_context_t context, long min_count, long max_count, io_event* events,
                      const timespec* timeout) {
#ifdef SYS_io_pgetevents
  // A sleep. Without a mask it is the same call, but that goes on by itself, with its time
  // anew, when no handler ran: after a stop and SIGCONT, or under a debugger.
  if (min_count > 0 && has_pgetevents.load(std::memory_order_relaxed)) {
    const int outcome =
        raw_call(SYS_io_pgetevents, context, min_count, max_count, events, timeout, nullptr);
    if (outcome != -ENOSYS && outcome != -EPERM && outcome != -EACCES) return outcome;
    has_pgetevents.store(false, std::memory_order_relaxed);
  }
#endif
  return raw_call(SYS_io_getevents, context, min_count, max_count, events, timeout);
}

int queue_signal_call(pid_t tid, int signal_number, siginfo_t* info) {
  if (tid == 0) return raw_call(SYS_rt_sigqueueinfo, info->si_pid, signal_number, info);
  return raw_call(SYS_rt_tgsigqueueinfo, info->si_pid, tid, signal_number, info);
}

int create_thread_call(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                       void* argument) {
  return -::pthread_create(thread, attributes, run, argument);
}

}  // namespace

const Calls real_calls = {
    .io_setup = io_setup_call,
    .io_submit = io_submit_call,
    .io_getevents = io_getevents_call,
    .io_cancel = io_cancel_call,
    .queue_signal = queue_signal_call,
    .create_thread = create_thread_call,
};

constinit Calls calls = {
    .io_setup = io_setup_call,
    .io_submit = io_submit_call,
    .io_getevents = io_getevents_call,
    .io_cancel = io_cancel_call,
    .queue_signal = queue_signal_call,
    .create_thread = create_thread_call,
};

}  // namespace kaio::sys
