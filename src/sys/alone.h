// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

namespace kaio::sys {

// Adds to a counter that no other thread writes to, for others to read at any time.
// A signal handler of this thread may do the same in between and nothing is lost:
// hence one instruction where the processor has one, without its lock prefix.
inline void add_alone(std::atomic<std::uint64_t>& counter, std::int64_t difference) noexcept {
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
  __asm__("addq %1, %0" : "+m"(counter) : "er"(difference) : "cc");
#else
  counter.fetch_add(static_cast<std::uint64_t>(difference), std::memory_order_relaxed);
#endif
}

// Compares and exchanges where no other thread writes, but a signal handler of this one
// may: the same without the lock prefix. Of pointers, nobody else even looks.
template <class Object>
bool exchange_alone(std::atomic<Object*>& pointer, Object* expected, Object* desired) noexcept {
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
  bool done = false;
  __asm__ volatile("cmpxchgq %3, %1"
                   : "=@ccz"(done), "+m"(pointer), "+a"(expected)
                   : "r"(desired)
                   : "memory");
  return done;
#else
  return pointer.compare_exchange_strong(expected, desired, std::memory_order_relaxed);
#endif
}

inline bool exchange_alone(std::uint32_t& word, std::uint32_t& expected,
                           std::uint32_t desired) noexcept {
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
  bool done = false;
  __asm__ volatile("cmpxchgl %3, %1"
                   : "=@ccz"(done), "+m"(word), "+a"(expected)
                   : "r"(desired)
                   : "memory");
  return done;
#else
  return std::atomic_ref(word).compare_exchange_strong(expected, desired, std::memory_order_release,
                                                       std::memory_order_relaxed);
#endif
}

}  // namespace kaio::sys
