// SPDX-License-Identifier: MIT
// The system calls whose refusal kaio must survive, behind one table, so that
// tests can make each of them fail. Every entry returns a result or a negative
// error number and never touches errno.
#pragma once

#include <libaio.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include "sys/direct_call.h"

namespace kaio::sys {

struct Calls {
  int (*io_setup)(unsigned event_count, io_context_t* context);
  int (*io_submit)(io_context_t context, long count, iocb** iocbs);
  // -EINTR only after a handler, where the kernel tells (since Linux 4.18).
  int (*io_getevents)(io_context_t context, long min_count, long max_count, io_event* events,
                      const timespec* timeout);
  int (*io_cancel)(io_context_t context, iocb* iocb, io_event* event);
  // To the process of info->si_pid, which is this one, when tid is 0, else to that
  // thread of it.
  int (*queue_signal)(pid_t tid, int signal_number, siginfo_t* info);
  int (*create_thread)(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                       void* argument);
};

// Set once by tests before anything runs; the real calls otherwise.
extern Calls calls;
extern const Calls real_calls;

// By the table, but without a call as long as no test has changed this entry:
// posix/dispatch/submission.cc says why.
inline int io_submit(io_context_t context, long count, iocb** iocbs) noexcept {
  if (calls.io_submit != real_calls.io_submit) return calls.io_submit(context, count, iocbs);
  return static_cast<int>(direct_call(SYS_io_submit, context, count, iocbs));
}

}  // namespace kaio::sys
