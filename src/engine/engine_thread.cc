// SPDX-License-Identifier: MIT
#include <kaio/engine/thread.h>

#include <cassert>

#include "engine/thread_core.h"
#include "engine/waiter.h"

namespace kaio {

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
