// SPDX-License-Identifier: MIT
// The eventfds that threads of kaio sleep on. Nothing here fails, touches errno or is
// a cancellation point; all but make_doorbell() is async-signal-safe.
#pragma once

namespace kaio::sys {

// Out of the way of the program's descriptors; -1 when there can be no more. More
// flags than EFD_CLOEXEC may be asked for.
int make_doorbell(int flags = 0) noexcept;

// Wakes who sleeps on it, or will.
void ring(int doorbell) noexcept;

// Sleeps until it rings, or takes what has rung before.
void hear(int doorbell) noexcept;

}  // namespace kaio::sys
