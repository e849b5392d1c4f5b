// SPDX-License-Identifier: MIT
// A seccomp filter, as containers have them.
#pragma once

#include "support/precondition.h"

#include <cstddef>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace fault {

// Lets the filter say `action` of a call, for all threads of the process, from now on.
inline bool filter(long call, unsigned action) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, action),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog rules{.len = 4, .filter = program};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &rules) == 0;
}

inline bool refuse(long call, int error_number) {
  return filter(call, SECCOMP_RET_ERRNO | static_cast<unsigned>(error_number));
}

// By SIGSYS, to the thread that makes the call.
inline bool trap(long call) { return filter(call, SECCOMP_RET_TRAP); }

// A sanitizer's library makes it at the start of each thread.
inline bool sanitizers_need(long call) {
  return support::sanitized && call == SYS_sched_getaffinity;
}

}  // namespace fault
