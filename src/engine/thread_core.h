// SPDX-License-Identifier: MIT
// The inside of an EngineThread.
#pragma once

#include <algorithm>
#include <array>

#include <kaio/engine/thread.h>

#include "engine/core.h"
#include "engine/waiter.h"
#include "sys/thread_group.h"

namespace kaio::engine {

// What comes from other threads waits in stacks, and the engine is woken for it, which costs a
// write to an eventfd and a change of threads.
//
// Work for a log whose group is under way can wait for the end of that, for which the engine
// wakes anyway: nobody wakes it for that. The log says when that is so, in a place of the thread's,
// as the log may be gone by the time that the poster looks. Whoever posts does so first, and looks
// there then; the engine's thread says that the group is over, and looks at the stack then: one of
// the two sees the other.
class ThreadCore {
  using Posted = IntrusiveStack<EngineThread::Posted, &EngineThread::Posted::next>;

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

  // Until the engine's thread has left whatever it does at the moment; nothing if this is that
  // thread.
  void wait_until_it_is_elsewhere() noexcept {
    if (sys::this_thread() == thread_id_.load(std::memory_order_relaxed)) return;
    struct Milestone : EngineThread::Posted {
      Waiter passed;
    } milestone;
    milestone.run = [](EngineThread::Posted& posted) {
      static_cast<Milestone&>(posted).passed.wake();
    };
    post(milestone);
    milestone.passed.wait();
  }

  // Where work for one log waits.
  class LogPlace {
   public:
    void group_begins() noexcept { is_under_way_.store(true, std::memory_order_seq_cst); }
    // Before the thread looks for work a last time: in a completion.
    void group_ends() noexcept { is_under_way_.store(false, std::memory_order_seq_cst); }
    // In the engine's thread.
    void run_posted() noexcept { run_all(posted_); }

   private:
    friend class ThreadCore;
    std::atomic<bool> is_taken_{false};
    std::atomic<bool> is_under_way_{false};
    Posted posted_;
  };
  // Null: there is none left.
  LogPlace* take_place() noexcept {
    for (LogPlace& place : log_places_)
      if (!place.is_taken_.exchange(true, std::memory_order_relaxed)) return &place;
    return nullptr;
  }
  static void give_back(LogPlace* place) noexcept {
    if (place != nullptr) place->is_taken_.store(false, std::memory_order_relaxed);
  }
  // If something lies there already, whoever put it there has seen to it that the engine looks.
  void post(EngineThread::Posted& posted, LogPlace* place) noexcept {
    if (place == nullptr) return post(posted);
    if (place->posted_.push(posted) && !place->is_under_way_.load(std::memory_order_seq_cst))
      engine_.wake();
  }

 private:
  using Submitted = IntrusiveStack<OperationState, &OperationState::next_to_cancel>;

  void run() noexcept {
    sys::name_this_thread("kaio-engine");
    thread_id_.store(sys::this_thread(), std::memory_order_relaxed);
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

  bool has_work() const noexcept {
    return !submitted_.empty() || !posted_.empty() ||
           std::ranges::any_of(log_places_,
                               [](const LogPlace& place) { return !place.posted_.empty(); });
  }

  void take_work(Core& core) noexcept {
    OperationState* next_operation = nullptr;
    for (OperationState* operation = submitted_.take_in_order(); operation != nullptr;
         operation = next_operation) {
      next_operation = operation->next_to_cancel;
      core.submit_or_complete(*operation);
    }
    run_all(posted_);
    for (LogPlace& place : log_places_)
      if (!place.posted_.empty()) place.run_posted();
  }

  static void run_all(Posted& stack) noexcept {
    EngineThread::Posted* next = nullptr;
    for (EngineThread::Posted* posted = stack.take_in_order(); posted != nullptr; posted = next) {
      next = posted->next;
      posted->run(*posted);
    }
  }

  Engine engine_;
  Submitted submitted_;
  Posted posted_;
  std::array<LogPlace, 8> log_places_;
  std::atomic<bool> ends_{false};
  std::atomic<std::uintptr_t> thread_id_{0};
  sys::ThreadGroup thread_;
};

}  // namespace kaio::engine
