// SPDX-License-Identifier: MIT
// Writes, and then a sync that makes them durable.
#pragma once

#include <cstddef>

#include <kaio/engine/operation.h>

namespace kaio {

namespace engine {
class Core;
struct OperationState;
}  // namespace engine

// Any number of operations that run side by side, and a sync of a file that begins only when all
// of them are whole. If one fails or is cancelled, those that have not begun are cancelled, and
// the chain ends, without its sync, when the last of them has ended. If the sync fails, later
// chains on the file are refused until File::forgive() (File::sync_has_failed).
//
// It has no deadline of its own: its operations may have theirs, and one that ends by it fails the
// chain with std::errc::timed_out; Engine::cancel() takes a whole chain back. What was written by
// then stays written.
//
// On an EngineThread it is submitted in the engine's thread: EngineThread::post(), enter().
//
// Belongs to whoever made it, and allocates nothing. From Engine::submit() until its completion
// it and its operations are the engine's. Afterwards it has no operations any more.
class KAIO_ENGINE_API Chain {
 public:
  using Completion = void (*)(Chain& chain);

  enum class Sync : unsigned char { full, data };  // fsync, fdatasync

  // `file`: which is synced. It need not be the only one that is written to: writes to others may
  // have RWF_DSYNC.
  explicit Chain(const File& file, Sync sync = Sync::data) noexcept;
  ~Chain();
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;

  // One more operation, which is idle and in no other chain. One that is in this chain already is
  // in it once. Its own completion is called when it ends, and must neither submit it nor destroy
  // it: it is the chain's until that has ended.
  Chain& add(Operation& operation) noexcept;
  // Takes all of them out again. A chain that was refused still has its operations: they may be
  // submitted again as they are, or taken out.
  Chain& clear() noexcept;
  Chain& on_completion(Completion completion, void* context = nullptr) noexcept;
  void* context() const noexcept { return context_; }

  bool is_idle() const noexcept { return core_ == nullptr; }
  // Of its last time, when it is idle: what all its operations transferred, and the first error
  // among them, or that of the sync.
  Result result() const noexcept;

 private:
  friend class engine::Core;

  bool has(const engine::OperationState& operation) const noexcept;
  void member_ended(engine::Core& core, engine::OperationState& operation);
  void fail(Result error) noexcept;
  void cancel_members() noexcept;
  void end();

  Operation sync_;
  engine::Core* core_ = nullptr;
  engine::OperationState* first_ = nullptr;
  engine::OperationState* last_ = nullptr;
  std::size_t remaining_count_ = 0;
  std::size_t done_bytes_ = 0;
  Result error_;
  Completion completion_ = nullptr;
  void* context_ = nullptr;
};

}  // namespace kaio
