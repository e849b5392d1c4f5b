// SPDX-License-Identifier: MIT
#include <kaio/engine/thread.h>

#include <cassert>

#include "engine/core.h"
#include "engine/waiter.h"
#include "sys/thread_group.h"

namespace kaio {
namespace engine {

// What comes from other threads waits in two stacks, and the engine is woken for it.
class ThreadCore {
 public:
  explicit ThreadCore(const EngineOptions& options) : engine_(options) {
    const auto enter = [](void* self) -> void* {
      static_cast<ThreadCore*>(self)->run();
      return nullptr;
    };
    const int error_number = thread_.start(enter, this, sys::Stack::programs);
    if (error_number != 0)
      throw std::system_error(-error_number, std::system_category(), "kaio::EngineThread");
  }

  ~ThreadCore() {
    ends_.store(true, std::memory_order_seq_cst);
    engine_.wake();
    thread_.join();
  }

  Engine& engine() noexcept { return engine_; }

  void submit(Operation& operation) noexcept {
    assert(operation.is_idle());
    if (submitted_.push(state_of(operation))) engine_.wake();
  }
  void post(EngineThread::Posted& posted) noexcept {
    if (posted_.push(posted)) engine_.wake();
  }

 private:
  using Submitted = IntrusiveStack<OperationState, &OperationState::next_to_cancel>;
  using Posted = IntrusiveStack<EngineThread::Posted, &EngineThread::Posted::next>;

  void run() noexcept {
    sys::name_this_thread("kaio-engine");
    Core& core = *engine_.core_;
    for (;;) {
      const bool ends = ends_.load(std::memory_order_seq_cst);
      take_work(core);
      core.turn();
      // The wake for it may have ended a wait of a completion's.
      if (has_work() || ends_.load(std::memory_order_seq_cst) != ends) continue;
      if (ends && core.under_way() == 0 && !core.has_batch()) break;
      core.rest();
    }
    thread_.leave();
  }

  bool has_work() const noexcept { return !submitted_.empty() || !posted_.empty(); }

  void take_work(Core& core) noexcept {
    OperationState* next_operation = nullptr;
    for (OperationState* operation = submitted_.take_in_order(); operation != nullptr;
         operation = next_operation) {
      next_operation = operation->next_to_cancel;
      core.submit_or_complete(*operation);
    }
    EngineThread::Posted* next_posted = nullptr;
    for (EngineThread::Posted* posted = posted_.take_in_order(); posted != nullptr;
         posted = next_posted) {
      next_posted = posted->next;
      posted->run(*posted);
    }
  }

  Engine engine_;
  Submitted submitted_;
  Posted posted_;
  std::atomic<bool> ends_{false};
  sys::ThreadGroup thread_;
};

}  // namespace engine

EngineThread::EngineThread(const EngineOptions& options)
    : core_(std::make_unique<engine::ThreadCore>(options)) {}

EngineThread::~EngineThread() {
  if (core_->engine().belongs_to_parent()) static_cast<void>(core_.release());
}

Refusal EngineThread::submit(Operation& operation) noexcept {
  if (core_->engine().belongs_to_parent()) return EngineError::other_process;
  core_->submit(operation);
  return {};
}

Result EngineThread::perform(Operation& operation) noexcept {
  if (core_->engine().belongs_to_parent()) return EngineError::other_process;
  engine::Waiter waiter;
  operation.on_completion(
      [](Operation& ended) { static_cast<engine::Waiter*>(ended.context())->wake(); }, &waiter);
  core_->submit(operation);
  waiter.wait();
  operation.on_completion(nullptr);
  return operation.result();
}

void EngineThread::post(Posted& posted) noexcept { core_->post(posted); }

Engine& EngineThread::engine() noexcept { return core_->engine(); }

}  // namespace kaio
