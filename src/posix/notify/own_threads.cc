// SPDX-License-Identifier: MIT
#include "posix/notify/own_threads.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <new>

#include "sys/calls.h"
#include "sys/signals_held.h"

namespace kaio {
namespace {

constexpr std::int64_t all_stuck_ns = 2'000'000;

}  // namespace

struct OwnThreads::Call {
  NotifyFunction function;
  sigval value;
  OwnThreads* turns = nullptr;  // of a fresh thread
  bool names_mask = false;      // in its attributes
  sigset_t mask;                // if it does not
};

class OwnThreads::Turn {
 public:
  explicit Turn(OwnThreads* threads) noexcept : threads_(threads) {}
  ~Turn() {
    if (threads_ != nullptr) threads_->end_turn();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  OwnThreads* threads_;
};

void* OwnThreads::run(void* argument) {
  const Call call = *static_cast<Call*>(argument);
  delete static_cast<Call*>(argument);
  const Turn turn(call.turns);
  // Inherited was that of a thread of kaio's.
  if (!call.names_mask) ::pthread_sigmask(SIG_SETMASK, &call.mask, nullptr);
  call.function(call.value);
  return nullptr;
}

// `wanted`: the thread frees it.
bool OwnThreads::create(const Call& wanted, const ThreadAttributes* attributes) noexcept {
  const sys::AllSignalsHeld signals_held;
  pthread_attr_t made;  // the stack size is the program's default unless it is named
  if (attributes != nullptr) {
    if (!attributes->make(made)) return false;
  } else {
    ::pthread_attr_init(&made);
    ::pthread_attr_setdetachstate(&made, PTHREAD_CREATE_DETACHED);
  }
  auto* const call = new (std::nothrow) Call(wanted);
  pthread_t thread{};
  const bool started = call != nullptr && sys::calls.create_thread(&thread, &made, run, call) == 0;
  if (!started) delete call;
  ::pthread_attr_destroy(&made);
  return started;
}

bool OwnThreads::start(const AttributedCallback& attributed, sigval value,
                       const sigset_t& mask) noexcept {
  return create({.function = attributed.function,
                 .value = value,
                 .names_mask = attributed.attributes.names_mask(),
                 .mask = mask},
                &attributed.attributes);
}

bool OwnThreads::start(NotifyFunction function, sigval value, const sigset_t& mask) noexcept {
  if (!take_turn()) return false;
  const Call call{.function = function, .value = value, .turns = this, .mask = mask};
  bool started = create(call, nullptr);
  // There may be room for one when another has ended.
  const std::uint32_t others = running_.load() - 1;
  if (!started && others != 0 && wait_for_an_end(others + 1)) started = create(call, nullptr);
  if (!started) end_turn();
  return started;
}

bool OwnThreads::take_turn() noexcept {
  std::uint32_t running = running_.load();
  if (running < limits::fresh_threads_usual) bound_.store(limits::fresh_threads_usual);
  for (;;) {
    const std::uint32_t bound = bound_.load();
    if (running < bound) {
      if (running_.compare_exchange_weak(running, running + 1)) return true;
      continue;
    }
    if (!wait_for_an_end(running)) {
      if (bound >= limits::callback_threads_max) return false;
      bound_.store(bound + limits::fresh_threads_usual);
    }
    running = running_.load();
  }
}

// False: none of that many has ended for a while.
bool OwnThreads::wait_for_an_end(std::uint32_t running) noexcept {
  waiting_.fetch_add(1);  // before the word is looked at: end_turn() does it the other way round
  const int outcome = sys::futex_wait(running_, running, sys::monotonic_ns() + all_stuck_ns);
  waiting_.fetch_sub(1);
  return outcome != ETIMEDOUT;
}

void OwnThreads::end_turn() noexcept {
  running_.fetch_sub(1);
  if (waiting_.load() != 0) sys::futex_wake(&running_, 1);
}

}  // namespace kaio
