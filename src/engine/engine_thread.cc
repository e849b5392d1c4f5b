// SPDX-License-Identifier: MIT
#include <kaio/engine/thread.h>

#include <cassert>

#include "engine/core.h"
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
  void post(EngineThread::Entry& entry) noexcept {
    if (entered_.push(entry)) engine_.wake();
  }

 private:
  using Submitted = IntrusiveStack<OperationState, &OperationState::next_to_cancel>;
  using Entered = IntrusiveStack<EngineThread::Entry, &EngineThread::Entry::next_>;

  void run() noexcept {
    sys::name_this_thread("kaio-engine");
    Core& core = *engine_.core_;
    while (!ends_.load(std::memory_order_seq_cst) || core.under_way() != 0 || has_work()) {
      take_work(core);
      core.turn_until_woken();
    }
    thread_.leave();
  }

  bool has_work() const noexcept { return !submitted_.empty() || !entered_.empty(); }

  void take_work(Core& core) noexcept {
    OperationState* next_operation = nullptr;
    for (OperationState* operation = submitted_.take_in_order(); operation != nullptr;
         operation = next_operation) {
      next_operation = operation->next_to_cancel;
      core.submit_or_complete(*operation);
    }
    EngineThread::Entry* next_entry = nullptr;
    for (EngineThread::Entry* entry = entered_.take_in_order(); entry != nullptr;
         entry = next_entry) {
      next_entry = entry->next_;
      entry->waiting_.resume();
    }
  }

  Engine engine_;
  Submitted submitted_;
  Entered entered_;
  std::atomic<bool> ends_{false};
  sys::ThreadGroup thread_;
};

namespace {

// Sleeps until its operation is over.
struct Waiter {
  sys::FutexWord over{0};

  static void wake(Operation& operation) {
    auto& waiter = *static_cast<Waiter*>(operation.context());
    sys::FutexWord* const word = &waiter.over;
    word->store(1, std::memory_order_release);
    sys::futex_wake(word, 1);  // touches no memory: the waiter may be gone
  }
  void wait() noexcept {
    while (over.load(std::memory_order_acquire) == 0) sys::futex_wait(over, 0, sys::forever);
  }
};

}  // namespace
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
  operation.on_completion(engine::Waiter::wake, &waiter);
  core_->submit(operation);
  waiter.wait();
  operation.on_completion(nullptr);
  return operation.result();
}

void EngineThread::post(Entry& entry) noexcept { core_->post(entry); }

Engine& EngineThread::engine() noexcept { return core_->engine(); }

}  // namespace kaio
