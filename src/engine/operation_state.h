// SPDX-License-Identifier: MIT
// The inside of an Operation: a transfer of the core's, whose owner is an engine.
#pragma once

#include <optional>
#include <stop_token>

#include <kaio/engine/chain.h>
#include <kaio/engine/operation.h>

#include "core/transfer.h"
#include "engine/file_state.h"

namespace kaio::engine {

class Core;
struct OperationState;

// Has the engine cancel it; called by whoever requests the stop.
struct Stopper {
  OperationState* operation;
  void operator()() const noexcept;
};

// What the program has set; stays from one time to the next.
struct Setup {
  FileState* file = nullptr;  // null: none, or it was not open
  Completion completion = nullptr;
  void* context = nullptr;
  Completion late = nullptr;
  std::int64_t due_ns = 0;        // 0: none
  std::uint16_t io_priority = 0;  // as the kernel has it; 0: the thread's
  bool asked : 1 = false;         // it was told what to do
  bool is_poll : 1 = false;
  bool is_partial : 1 = false;
  std::stop_token stop;
};

// How it stands with it; all false when it is submitted.
struct Condition {
  bool cancelled : 1 = false;     // asked to be; effective unless it has begun
  bool holds_place : 1 = false;   // in the ring, without being there yet: its io_submit is a
                                  // helper thread's
  bool refused : 1 = false;       // by io_submit, in a helper thread
  bool starts_again : 1 = false;  // comes back from one without an answer
  bool is_over : 1 = false;       // has ended in one
  bool is_late : 1 = false;       // its deadline has come
};

struct OperationState : Transfer, Setup, Condition {
  int error_number = 0;
  Core* core = nullptr;    // null: idle
  Chain* chain = nullptr;  // that it belongs to
  OperationState* next_in_chain = nullptr;
  std::size_t asked_bytes = 0;  // in one piece; the transfer's own count goes down

  // In the list of all that are under way, oldest first.
  OperationState* older = nullptr;
  OperationState* newer = nullptr;
  // In the heap of deadlines (engine/deadlines.h).
  OperationState* first_child = nullptr;
  OperationState* next_sibling = nullptr;
  OperationState* parent_or_previous = nullptr;

  std::int64_t submitted_ns = 0;
  std::int64_t started_ns = 0;

  OperationState* next_to_cancel = nullptr;
  std::atomic<bool> stop_requested{false};
  std::optional<std::stop_callback<Stopper>> stop_callback;

  // The transfer asks for all of it again.
  void rewind() noexcept {
    if (operation.vectored || operation.is_sync() || operation.size == asked_bytes) return;
    const std::size_t taken_bytes = asked_bytes - operation.size;
    operation.buffer = static_cast<char*>(operation.buffer) - taken_bytes;
    operation.offset_bytes -= static_cast<std::int64_t>(taken_bytes);
    operation.size = asked_bytes;
  }

  Operation& handle() noexcept { return *reinterpret_cast<Operation*>(this); }
};

inline OperationState& operation_of(Transfer& transfer) noexcept {
  return static_cast<OperationState&>(transfer);
}
inline const OperationState& operation_of(const Transfer& transfer) noexcept {
  return static_cast<const OperationState&>(transfer);
}

}  // namespace kaio::engine
