// SPDX-License-Identifier: MIT
// Operations that a coroutine waits for. Included by <kaio/engine.h>.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <kaio/engine.h>

namespace kaio {

// Holds its operation, which is in the coroutine's frame while that waits: nothing is allocated
// beside the frame. `throws`: co_await gives the number of bytes, and throws std::system_error
// for an error; otherwise it gives a Result.
//
// A coroutine that is destroyed while it waits would leave its operation to the kernel: that is
// an error of the program's, as it is for every operation that is destroyed while under way.
template <bool throws>
class [[nodiscard]] Awaitable {
 public:
  explicit Awaitable(Engine& engine) noexcept : engine_(engine) {}

  // What else may be said of the operation: deadline, priority, flags, stop token.
  Operation& operation() noexcept { return operation_; }
  Awaitable&& with_flags(unsigned rw_flags) && noexcept {
    operation_.set_flags(rw_flags);
    return static_cast<Awaitable&&>(*this);
  }
  Awaitable&& with_priority(IoPriority priority) && noexcept {
    operation_.set_priority(priority);
    return static_cast<Awaitable&&>(*this);
  }
  Awaitable&& with_deadline(Operation::Clock::time_point deadline) && noexcept {
    operation_.set_deadline(deadline);
    return static_cast<Awaitable&&>(*this);
  }
  Awaitable&& with_stop_token(std::stop_token token) && noexcept {
    operation_.set_stop_token(static_cast<std::stop_token&&>(token));
    return static_cast<Awaitable&&>(*this);
  }
  // The same with exceptions.
  Awaitable<true> or_throw() && noexcept requires(!throws) {
    Awaitable<true> other(engine_);
    other.operation() = static_cast<Operation&&>(operation_);
    return other;
  }

  bool await_ready() const noexcept { return false; }
  // False: refused, and goes on at once.
  bool await_suspend(std::coroutine_handle<> waiting) noexcept {
    operation_.on_completion(
        [](Operation& operation) {
          std::coroutine_handle<>::from_address(operation.context()).resume();
        },
        waiting.address());
    refusal_ = engine_.submit(operation_);
    return !refusal_;
  }
  std::conditional_t<throws, std::size_t, Result> await_resume() const noexcept(!throws) {
    const Result result = refusal_ ? Result(refusal_.reason()) : operation_.result();
    if constexpr (throws) {
      return result.value();
    } else {
      return result;
    }
  }

 private:
  Engine& engine_;
  Operation operation_;
  Refusal refusal_;
};

// The same of a chain, which has to live as long.
class [[nodiscard]] ChainAwaitable {
 public:
  ChainAwaitable(Engine& engine, Chain& chain) noexcept : engine_(engine), chain_(chain) {}

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> waiting) noexcept {
    chain_.on_completion(
        [](Chain& chain) { std::coroutine_handle<>::from_address(chain.context()).resume(); },
        waiting.address());
    refusal_ = engine_.submit(chain_);
    return !refusal_;
  }
  Result await_resume() const noexcept {
    return refusal_ ? Result(refusal_.reason()) : chain_.result();
  }

 private:
  Engine& engine_;
  Chain& chain_;
  Refusal refusal_;
};

inline ChainAwaitable Engine::run(Chain& chain) noexcept { return ChainAwaitable(*this, chain); }

inline Awaitable<false> Engine::read(const File& file, void* to, std::size_t size_bytes,
                                     std::uint64_t offset_bytes) noexcept {
  Awaitable<false> awaitable(*this);
  awaitable.operation().read(file, to, size_bytes, offset_bytes);
  return awaitable;
}
inline Awaitable<false> Engine::write(const File& file, const void* from, std::size_t size_bytes,
                                      std::uint64_t offset_bytes) noexcept {
  Awaitable<false> awaitable(*this);
  awaitable.operation().write(file, from, size_bytes, offset_bytes);
  return awaitable;
}
inline Awaitable<false> Engine::sync(const File& file) noexcept {
  Awaitable<false> awaitable(*this);
  awaitable.operation().sync(file);
  return awaitable;
}
inline Awaitable<false> Engine::datasync(const File& file) noexcept {
  Awaitable<false> awaitable(*this);
  awaitable.operation().datasync(file);
  return awaitable;
}
inline Awaitable<false> Engine::poll(int fd, Readiness readiness) noexcept {
  Awaitable<false> awaitable(*this);
  awaitable.operation().poll(fd, readiness);
  return awaitable;
}

}  // namespace kaio
