// SPDX-License-Identifier: MIT
// An engine on a thread of its own, for programs without a loop.
#pragma once

#include <atomic>
#include <coroutine>
#include <memory>

#include <kaio/engine.h>

namespace kaio {

namespace engine {
class GroupCommitCore;
class ThreadCore;
}  // namespace engine

// Takes operations from any thread. Their completions, and coroutines that wait for them, run in
// the thread of the engine: what they do there keeps it from everything else, so what takes long
// or waits belongs elsewhere. All signals are blocked in it.
class KAIO_ENGINE_API EngineThread {
 public:
  // As Engine's constructor, and std::system_error if no thread can be had.
  explicit EngineThread(const EngineOptions& options = {});
  // Completes all that is under way, and ends the thread. Not in a completion.
  ~EngineThread();
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;

  // Any thread, completions too; not signal handlers. Refused only with
  // EngineError::other_process: what else the engine refuses is the operation's result.
  Refusal submit(Operation& operation) noexcept;
  // Submits it, and waits until it is over; for threads other than the engine's. Its completion,
  // if there is one, is not called, and is forgotten.
  Result perform(Operation& operation) noexcept;

  // Something to be done in the engine's thread; belongs to whoever made it, and stays where it
  // is until run() is called, which may destroy it or post it again.
  struct Posted {
    void (*run)(Posted& posted) = nullptr;
    Posted* next = nullptr;  // the engine's
  };
  // Any thread; not signal handlers.
  void post(Posted& posted) noexcept;

  // For coroutines: `co_await thread.enter()` goes on in the engine's thread, where engine() can
  // be used.
  class [[nodiscard]] Entry : private Posted {
   public:
    explicit Entry(EngineThread& thread) noexcept : thread_(thread) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiting) noexcept {
      waiting_ = waiting;
      run = [](Posted& posted) { static_cast<Entry&>(posted).waiting_.resume(); };
      thread_.post(*this);
    }
    void await_resume() const noexcept {}

   private:
    EngineThread& thread_;
    std::coroutine_handle<> waiting_;
  };
  Entry enter() noexcept { return Entry(*this); }

  // For its own thread alone, but wake().
  Engine& engine() noexcept;

 private:
  friend class engine::GroupCommitCore;

  std::unique_ptr<engine::ThreadCore> core_;
};

}  // namespace kaio
