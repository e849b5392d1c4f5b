// SPDX-License-Identifier: MIT
#include <cassert>
#include <cerrno>

#include "engine/core.h"

namespace kaio {

Chain::Chain(const File& file, Sync sync) noexcept {
  if (sync == Sync::full) {
    sync_.sync(file);
  } else {
    sync_.datasync(file);
  }
  engine::state_of(sync_).chain = this;
}

Chain::~Chain() { assert(is_idle() || core_->in_child()); }

bool Chain::has(const engine::OperationState& operation) const noexcept {
  for (const engine::OperationState* member = first_; member != nullptr;
       member = member->next_in_chain)
    if (member == &operation) return true;
  return false;
}

Chain& Chain::clear() noexcept {
  assert(is_idle());
  first_ = last_ = nullptr;
  remaining_count_ = 0;
  return *this;
}

Chain& Chain::add(Operation& operation) noexcept {
  assert(is_idle());
  engine::OperationState& state = engine::state_of(operation);
  // Most are in no chain at all, and it shows.
  if ((state.next_in_chain != nullptr || last_ == &state) && has(state)) return *this;
  state.next_in_chain = nullptr;
  (last_ == nullptr ? first_ : last_->next_in_chain) = &state;
  last_ = &state;
  ++remaining_count_;
  return *this;
}

Chain& Chain::on_completion(Completion completion, void* context) noexcept {
  completion_ = completion;
  context_ = context;
  return *this;
}

Result Chain::result() const noexcept { return error_.with_bytes(done_bytes_); }

// The first error is the one that counts.
void Chain::fail(Result error) noexcept {
  if (error_) error_ = error;
}

// Of those that have ended the states say so.
void Chain::cancel_members() noexcept {
  for (engine::OperationState* member = first_; member != nullptr; member = member->next_in_chain)
    core_->cancel(*member);
}

// The last one that ends, a member or the sync, ends the chain.
void Chain::member_ended(engine::Core& core, engine::OperationState& operation) {
  if (&operation == &engine::state_of(sync_)) {
    if (operation.error_number != 0) fail(Result(0, operation.error_number));
    return end();
  }
  done_bytes_ += static_cast<std::size_t>(operation.done_bytes);
  if (operation.error_number != 0 && error_) {
    fail(Result(0, operation.error_number));
    cancel_members();
  }
  if (--remaining_count_ != 0) return;
  if (error_) {
    fail(core.submit_sync(engine::state_of(sync_)).reason());
    if (error_) return;
  }
  end();
}

void Chain::end() {
  core_ = nullptr;
  for (engine::OperationState* member = first_; member != nullptr;) {
    engine::OperationState* const next = member->next_in_chain;
    member->chain = nullptr;
    member->next_in_chain = nullptr;
    member = next;
  }
  first_ = last_ = nullptr;
  if (completion_ != nullptr) completion_(*this);
}

namespace engine {

Refusal Core::submit(Chain& chain) noexcept {
  user_.assert_here();
  if (in_child()) return EngineError::other_process;
  if (ends_) return EngineError::ending;
  if (!chain.is_idle()) return EngineError::busy;
  OperationState& sync = state_of(chain.sync_);
  EngineError error = check(sync);
  if (error == EngineError::none && sync.file->sync_failed.load(std::memory_order_relaxed))
    error = EngineError::sync_failed_before;
  for (OperationState* member = chain.first_; member != nullptr && error == EngineError::none;
       member = member->next_in_chain)
    error = check(*member);
  if (error != EngineError::none) return error;
  chain.core_ = this;
  chain.done_bytes_ = 0;
  chain.error_ = {};
  if (chain.first_ == nullptr) {
    begin_otherwise(sync);
    return {};
  }
  for (OperationState* member = chain.first_; member != nullptr; member = member->next_in_chain) {
    member->chain = &chain;
    begin_otherwise(*member);
  }
  if (batch_count_ >= batch_) give_batch();
  return {};
}

// Behind the writes of its chain.
Refusal Core::submit_sync(OperationState& sync) noexcept {
  user_.assert_here();
  if (sync.file->sync_failed.load(std::memory_order_relaxed))
    return EngineError::sync_failed_before;
  return submit_otherwise(sync);
}

Cancelled Core::cancel(Chain& chain) noexcept {
  if (chain.core_ != this || in_child()) return Cancelled::not_in_use;
  if (chain.remaining_count_ == 0) return cancel(engine::state_of(chain.sync_));
  chain.fail(Result(0, ECANCELED));
  chain.cancel_members();
  return Cancelled::yes;
}

}  // namespace engine
}  // namespace kaio
