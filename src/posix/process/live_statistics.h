// SPDX-License-Identifier: MIT
// KAIO_STATS_DIR: each process keeps its counters in a file there (live_file.h), named by
// its number and the time, so that `aio-run --stats SECONDS` sees them as they grow, and sees
// those of a process that was killed or ended by _exit().
//
// The counters themselves lie in the file: its pages take the place of those in the Runtime.
// Counting costs what it always does, no thread is needed, and no descriptor stays open. The
// file is made when the library is loaded, while the directory can be reached, and takes its
// space then. A child of fork() has a file of its own from its beginning on.
#pragma once

#include "core/statistics.h"

namespace kaio::live_statistics {

// Counts in the file from now on, if there is one. Before anything is counted, and on pages
// that hold nothing else; by several threads at once, of which one is to count. Async-signal-safe.
void attach(Statistics& statistics) noexcept;

// In a child of fork(): what was inherited counts into the parent's file no more.
void detach(Statistics& statistics) noexcept;

}  // namespace kaio::live_statistics
