// SPDX-License-Identifier: MIT
#pragma once

namespace kaio::sys {

using ThreadFunction = void* (*)(void*);

// Starts a detached thread of kaio's with every signal blocked, so that none of
// the program's is ever delivered to it, unless in a callback. 0, or a negative error
// number (-EAGAIN: no more threads).
int start_thread(ThreadFunction run, void* argument) noexcept;

// The calling thread, when woken, waits for a processor instead of taking one from
// another thread. Real-time threads stay as they are.
void never_preempt_on_wake_up() noexcept;

// At most 15 characters. Called by the thread itself: a detached one may be gone
// by the time its creator could name it.
void name_this_thread(const char* name) noexcept;

}  // namespace kaio::sys
