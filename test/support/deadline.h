// SPDX-License-Identifier: MIT
// Waiting that ends: for what has to happen, and for what must not.
#pragma once

#include <chrono>
#include <thread>

namespace support {

using Duration = std::chrono::nanoseconds;
using Clock = std::chrono::steady_clock;

// How many times as long everything takes as on an ordinary machine: environment
// KAIO_TEST_SLOWNESS, which test/vm sets where each instruction is translated.
int slowness();

// Long enough for what has to happen on a loaded machine.
inline const Duration patience = std::chrono::seconds{10} * slowness();
// How long to look whether something happens that must not.
inline constexpr Duration a_while = std::chrono::milliseconds{50};

// Whether `predicate` became true before the limit.
template <class Predicate>
bool eventually(Predicate predicate, Duration limit = patience) {
  const auto deadline = Clock::now() + limit;
  for (int round = 0; !predicate(); ++round) {
    if (Clock::now() >= deadline) return predicate();
    if (round < 20)
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(std::chrono::microseconds{200});
  }
  return true;
}

// Whether `predicate` is true all the while.
template <class Predicate>
bool stays(Predicate predicate, Duration span = a_while) {
  return !eventually([&] { return !predicate(); }, span);
}

// How long `action` takes.
template <class Action>
Duration time_of(Action action) {
  const auto start = Clock::now();
  action();
  return Clock::now() - start;
}

}  // namespace support
