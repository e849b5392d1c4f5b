// SPDX-License-Identifier: MIT
#include "core/thread_number.h"

#include <pthread.h>
#include <unistd.h>

#include "sys/alone.h"

namespace kaio {

namespace {

constexpr pthread_key_t no_key = ~pthread_key_t{0};
std::atomic<pthread_key_t> key{no_key};

// A value of one of the first keys needs no memory in glibc, so that it may be set in a signal
// handler. With a later key, numbers are not given back.
constexpr pthread_key_t keys_without_memory = 32;

// The library may be part of a plugin.
[[gnu::destructor]] void delete_key() {
  const pthread_key_t made = key.exchange(no_key);
  if (made != no_key) ::pthread_key_delete(made);
}

}  // namespace

KAIO_THREAD_LOCAL std::uint32_t ThreadNumber::mine_ = not_asked;
std::atomic<std::uint32_t> ThreadNumber::limit_{0};
std::atomic<pid_t> ThreadNumber::owners_[count];

std::uint32_t ThreadNumber::take(pid_t process) noexcept {
  for (std::uint32_t number = 0; number < count; ++number) {
    pid_t nobody = 0;
    if (owners_[number].load(std::memory_order_relaxed) != 0 ||
        !owners_[number].compare_exchange_strong(nobody, process, std::memory_order_acquire))
      continue;
    std::uint32_t limit = limit_.load();
    while (limit <= number && !limit_.compare_exchange_weak(limit, number + 1)) {
    }
    return number;
  }
  static std::atomic<std::uint32_t> too_late_count{0};
  return count + too_late_count.fetch_add(1, std::memory_order_relaxed) % 0x10000;
}

// If it still is a thread's of that process.
void ThreadNumber::release(std::uint32_t number, pid_t process) noexcept {
  if (number < count)
    owners_[number].compare_exchange_strong(process, 0, std::memory_order_release);
}

void ThreadNumber::ask() noexcept {
  for (;;) {
    const pid_t process = ::getpid();
    const std::uint32_t number = take(process);
    std::uint32_t expected = not_asked;
    // A signal handler of this thread may have asked in between.
    if (!sys::exchange_alone(mine_, expected, number)) return release(number, process);
    if (number >= count) return;
    // And this may be a child by now, where the number may be another thread's.
    if (::getpid() == process) break;
    mine_ = not_asked;
  }
  const pthread_key_t giving_back = key.load(std::memory_order_acquire);
  if (giving_back != no_key) ::pthread_setspecific(giving_back, &key);
}

void ThreadNumber::give_back(void*) noexcept {
  const pid_t process = ::getpid();
  const std::uint32_t number = mine_;
  mine_ = not_asked;
  release(number, process);
}

void ThreadNumber::give_back_at_the_end() noexcept {
  pthread_key_t made = no_key;
  if (key.load() != no_key || ::pthread_key_create(&made, give_back) != 0) return;
  pthread_key_t expected = no_key;
  if (made >= keys_without_memory || !key.compare_exchange_strong(expected, made))
    ::pthread_key_delete(made);
}

void ThreadNumber::forget_parents() noexcept {
  const pid_t process = ::getpid();
  for (std::uint32_t number = 0; number < count; ++number) {
    pid_t owner = owners_[number].load();
    if (number == mine_) {
      owners_[number].store(process);
    } else if (owner != 0 && owner != process) {
      owners_[number].compare_exchange_strong(owner, 0);
    }
  }
  if (mine_ >= count) mine_ = not_asked;  // there are some now
}

}  // namespace kaio
