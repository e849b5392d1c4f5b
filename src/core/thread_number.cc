// SPDX-License-Identifier: MIT
#include "core/thread_number.h"

#include <bit>
#include <pthread.h>

#include "sys/alone.h"

namespace kaio {

namespace {

constexpr pthread_key_t no_key = ~pthread_key_t{0};
std::atomic<pthread_key_t> key{no_key};

// A value of one of the first keys needs no memory in glibc, so that it may be set in a signal
// handler. With a later key, numbers are not given back.
constexpr pthread_key_t keys_without_memory = 32;

std::uint64_t bit_of(std::uint32_t number) noexcept { return std::uint64_t{1} << number; }

}  // namespace

KAIO_THREAD_LOCAL std::uint32_t ThreadNumber::mine_ = not_asked;
std::atomic<std::uint32_t> ThreadNumber::limit_{0};
std::atomic<std::uint64_t> ThreadNumber::free_{0};

std::uint32_t ThreadNumber::take() noexcept {
  std::uint64_t free = free_.load(std::memory_order_relaxed);
  while (free != 0)
    if (free_.compare_exchange_weak(free, free & (free - 1), std::memory_order_acquire))
      return static_cast<std::uint32_t>(std::countr_zero(free));
  std::uint32_t limit = limit_.load(std::memory_order_relaxed);
  while (limit < count)
    if (limit_.compare_exchange_weak(limit, limit + 1)) return limit;
  static std::atomic<std::uint32_t> too_late_count{0};
  return count + too_late_count.fetch_add(1, std::memory_order_relaxed) % 0x10000;
}

void ThreadNumber::ask() noexcept {
  const std::uint32_t number = take();
  std::uint32_t expected = not_asked;
  // A signal handler of this thread may have asked in between.
  if (!sys::exchange_alone(mine_, expected, number)) {
    if (number < count) free_.fetch_or(bit_of(number), std::memory_order_release);
    return;
  }
  const pthread_key_t made = key.load(std::memory_order_acquire);
  if (number < count && made != no_key) ::pthread_setspecific(made, &free_);
}

// The thread may ask again: other destructors may do I/O.
void ThreadNumber::give_back(void*) noexcept {
  const std::uint32_t number = mine_;
  mine_ = not_asked;
  if (number < count) free_.fetch_or(bit_of(number), std::memory_order_release);
}

void ThreadNumber::give_back_at_the_end() noexcept {
  pthread_key_t made = no_key;
  if (key.load() != no_key || ::pthread_key_create(&made, give_back) != 0) return;
  pthread_key_t expected = no_key;
  if (made >= keys_without_memory || !key.compare_exchange_strong(expected, made))
    ::pthread_key_delete(made);
}

void ThreadNumber::forget_others() noexcept {
  const std::uint32_t limit = limit_.load();
  std::uint64_t others = limit == count ? ~std::uint64_t{0} : bit_of(limit) - 1;
  if (mine_ < count) others &= ~bit_of(mine_);
  free_.store(others);
}

}  // namespace kaio
