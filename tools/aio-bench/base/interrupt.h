// SPDX-License-Identifier: MIT
// Ctrl-C (and SIGTERM, SIGHUP) ends the run in good order: the loops ask here.
#pragma once

namespace aio_bench {

// The handlers do not restart system calls, so that a waiting engine wakes up.
// A second Ctrl-C ends the process at once.
void watch_for_interrupt();

bool interrupted() noexcept;

}  // namespace aio_bench
