// SPDX-License-Identifier: MIT
// Ctrl-C (and SIGTERM, SIGHUP) ends the run in good order: the loops ask here.
#pragma once

namespace aio_bench {

// The handlers do not restart system calls, so that a waiting engine wakes up.
// A second Ctrl-C ends the process at once.
void watch_for_interrupt();

bool interrupted() noexcept;

// 128 and the number of the signal that was seen, as the shell tells of a program that
// it ended: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP.
int interrupt_exit_code() noexcept;

// "SIGTERM", or "" for Ctrl-C, of which whoever pressed it knows.
const char* interrupt_name() noexcept;

}  // namespace aio_bench
