// SPDX-License-Identifier: MIT
// A system call without the C library around it: no detour by errno, which stays as it
// is, for the few that every request of a kind makes; and no cancellation point, for what
// a thread does behind a sleep in which it can be cancelled (cancellation.h).
#pragma once

#include <cerrno>
#include <cstdint>
#include <unistd.h>

namespace kaio::sys {

inline long to_word(const void* address) noexcept { return reinterpret_cast<long>(address); }
inline long to_word(long number) noexcept { return number; }

// Returns what the kernel does: a result or a negative error number.
template <class... Arguments>
long direct_call(long number, Arguments... arguments) noexcept {
  static_assert(sizeof...(arguments) <= 6);
#ifdef __x86_64__
  const long words[6]{to_word(arguments)...};  // no call may come between the registers
  long outcome = number;
  register long fourth __asm__("r10") = words[3];
  register long fifth __asm__("r8") = words[4];
  register long sixth __asm__("r9") = words[5];
  __asm__ volatile("syscall"
                   : "+a"(outcome)
                   : "D"(words[0]), "S"(words[1]), "d"(words[2]), "r"(fourth), "r"(fifth),
                     "r"(sixth)
                   : "rcx", "r11", "memory");
  return outcome;
#else
  const int saved_errno = errno;
  const long outcome = ::syscall(number, to_word(arguments)...);
  const int error_number = errno;
  errno = saved_errno;
  return outcome < 0 ? -error_number : outcome;
#endif
}

}  // namespace kaio::sys
