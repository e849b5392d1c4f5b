// SPDX-License-Identifier: MIT
// What threads sleep on that wait for more requests than futex_waitv takes words.
//
// An event count is a word that changes with each event, on which those sleep that saw it
// before they looked for the event. Each thread has one, by a hash of its identity, so
// that the end of a request wakes nobody but those that wait for it; two threads that share one
// are at times woken for each other. While a request is in progress its status word holds
// the number of the event count that its end is announced to (posix/request/status_cell.h). A
// request that several long lists name is announced to one of its own instead, which all
// who sleep on an event count sleep on as well.
//
// The number is put into the word by whoever waits, before its last look at the request, and
// taken out by the exchange that publishes the end. So the look sees the end, or the
// exchange sees the number; and whoever announces has changed the event count since the
// sleeper saw it, or wakes it. test/model/event_counts.pml has this as a model.
#pragma once

#include <array>
#include <climits>

#include "posix/request/status_cell.h"
#include "sys/mutex.h"

namespace kaio {

class EventCounts {
 public:
  // Of the calling thread. Async-signal-safe: a handler shares that of its thread.
  static std::uint32_t own_number() noexcept {
    constexpr std::uint64_t golden_ratio = 0x9e37'79b9'7f4a'7c15;  // of 2^64: spreads them
    const std::uint64_t hash = sys::this_thread() * golden_ratio;
    const auto number = static_cast<std::uint32_t>(hash >> 32) % count;
    return number == status::unannounced || number == status::several ? 0 : number;
  }

  sys::FutexWord& at(std::uint32_t number) noexcept { return words_[number]; }

  void announce(std::uint32_t number) noexcept {
    words_[number].fetch_add(1, std::memory_order_seq_cst);
    sys::futex_wake(&words_[number], INT_MAX);
  }

 private:
  static constexpr std::uint32_t count = status::error_mask + 1;
  std::array<sys::FutexWord, count> words_{};
};

}  // namespace kaio
