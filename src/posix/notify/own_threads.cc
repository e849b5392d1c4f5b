// SPDX-License-Identifier: MIT
#include "posix/notify/own_threads.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <new>

#include "sys/calls.h"

namespace kaio {
namespace {

constexpr std::int64_t stuck_ns = 2'000'000;

bool create(const pthread_attr_t& attributes, void* (*run)(void*), void* argument) noexcept {
  pthread_t thread{};
  return sys::calls.create_thread(&thread, &attributes, run, argument) == 0;
}

}  // namespace

struct OwnThreads::Call {
  NotifyFunction function;
  sigval value;
  OwnThreads* fresh = nullptr;  // null: with attributes, and not counted
  sigset_t mask{};              // of a fresh one
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
  const Turn turn(call.fresh);
  // Inherited was that of a thread of kaio's.
  if (call.fresh != nullptr) ::pthread_sigmask(SIG_SETMASK, &call.mask, nullptr);
  call.function(call.value);
  return nullptr;
}

bool OwnThreads::start(const AttributedCallback& attributed, sigval value) noexcept {
  auto* call = new (std::nothrow) Call{.function = attributed.function, .value = value};
  pthread_attr_t attributes;
  bool started = false;
  if (call != nullptr && attributed.attributes.make(attributes)) {
    started = create(attributes, run, call);
    ::pthread_attr_destroy(&attributes);
  }
  if (!started) delete call;
  return started;
}

bool OwnThreads::start(NotifyFunction function, sigval value, const sigset_t& mask) noexcept {
  auto* call =
      new (std::nothrow) Call{.function = function, .value = value, .fresh = this, .mask = mask};
  if (call == nullptr) return false;
  pthread_attr_t attributes;  // the stack size stays the program's default
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  bool started = false;
  if (take_turn()) {
    started = create(attributes, run, call);
    // There may be room for one when another has ended.
    const std::uint32_t others = running_.load() - 1;
    if (!started && others != 0 && wait_for_an_end(others + 1))
      started = create(attributes, run, call);
    if (!started) end_turn();
  }
  ::pthread_attr_destroy(&attributes);
  if (!started) delete call;
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
  const int outcome = sys::futex_wait(running_, running, sys::monotonic_ns() + stuck_ns);
  waiting_.fetch_sub(1);
  return outcome != ETIMEDOUT;
}

void OwnThreads::end_turn() noexcept {
  running_.fetch_sub(1);
  if (waiting_.load() != 0) sys::futex_wake(&running_, 1);
}

}  // namespace kaio
