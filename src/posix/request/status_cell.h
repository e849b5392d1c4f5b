// SPDX-License-Identifier: MIT
// What the owner of a request sees of it: one word and a result.
//
// For POSIX requests the cell lies in the aiocb, on glibc's own __error_code and
// __return_value, so a finished aiocb looks to everybody as glibc leaves it, but
// for the tag in the upper half of the word:
//
//   bits  0..11  the error number; while in progress, EINPROGRESS, or the number of the
//                event count that completion is announced to (posix/wait/event_counts.h)
//   bit   12     somebody sleeps on this word: wake on completion
//   bits 16..31  tag: in progress, done, or done and the result was taken
//
// The word goes from `in progress` to `done` exactly once, by one exchange in
// posix/wait/completer.cc, which tells at the same time who is to be woken. After that exchange
// nothing of kaio touches the cell: its owner may have freed it.
#pragma once

#include <cerrno>

#include "sys/futex.h"

namespace kaio::status {

inline constexpr std::uint32_t error_mask = 0xfff;
inline constexpr std::uint32_t waiter = 1u << 12;
inline constexpr std::uint32_t tag_mask = 0xffff'0000;
inline constexpr std::uint32_t tag_in_progress = 0x4b41'0000;
inline constexpr std::uint32_t tag_done = 0x4b42'0000;
inline constexpr std::uint32_t tag_taken = 0x4b43'0000;

inline constexpr std::uint32_t in_progress = tag_in_progress | EINPROGRESS;

inline constexpr std::uint32_t unannounced = EINPROGRESS;
inline constexpr std::uint32_t several = error_mask;

constexpr bool is_in_progress(std::uint32_t word) { return (word & tag_mask) == tag_in_progress; }
constexpr std::uint32_t done(int error_number) {
  return tag_done | static_cast<std::uint32_t>(error_number);
}

// The word of a request in progress, for one more waiter that is to be told by that event count.
constexpr std::uint32_t announced_to(std::uint32_t word, std::uint32_t number) {
  const std::uint32_t now = word & error_mask;
  if (now == number) return word;
  return (word & ~error_mask) | (now == unannounced ? number : several);
}

}  // namespace kaio::status

namespace kaio {

struct StatusCell {
  sys::FutexWord word;
  std::uint32_t padding;
  std::int64_t result_bytes;  // -1 with an error; written before the word, read after it
};

}  // namespace kaio
