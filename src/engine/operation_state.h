// SPDX-License-Identifier: MIT
// The inside of an Operation: a transfer of the core's, whose owner is an engine.
#pragma once

#include <new>
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

// Its place in the list of all that are under way, in which each knows its neighbours.
struct Link {
  Link* older = this;
  Link* newer = this;

  void insert_behind(Link& last) noexcept {
    older = &last;
    newer = last.newer;
    last.newer->older = this;
    last.newer = this;
  }
  void unlink() noexcept {
    older->newer = newer;
    newer->older = older;
  }
};

// What the program has set; stays from one time to the next.
struct Setup {
  FileState* file = nullptr;  // null: none, or it was not open
  Completion completion = nullptr;
  void* context = nullptr;
  std::size_t asked_bytes = 0;  // in one piece; the transfer's own count goes down

  // What keeps it from the straight way (Core::submit): 0 for a read or a write in one piece, of
  // an open file, with nothing else set.
  enum Special : std::uint8_t {
    not_open = 1 << 0,    // or nothing was asked
    other_kind = 1 << 1,  // vectors, syncs, polls
    is_partial = 1 << 2,
    has_due_time = 1 << 3,
    has_stop_token = 1 << 4,
    has_priority = 1 << 5,
    has_flags = 1 << 6,
  };
  std::uint8_t special = not_open;
  bool is_poll = false;
  bool asked = false;  // it was told what to do

  bool has(Special what) const noexcept { return (special & what) != 0; }
  void set(Special what, bool is) noexcept {
    special = static_cast<std::uint8_t>(is ? special | what : special & ~what);
  }
};

// The same, of what few have.
struct RareSetup {
  Completion late = nullptr;
  std::int64_t due_ns = 0;
  std::uint16_t io_priority = 0;  // as the kernel has it
  std::stop_token stop;
};

// How it stands with it; all false when it is submitted. Whoever has the transfer writes it.
struct Condition {
  bool holds_place : 1 = false;   // in the ring, without being there yet: its io_submit is a
                                  // helper thread's
  bool refused : 1 = false;       // by io_submit, in a helper thread
  bool starts_again : 1 = false;  // comes back from one without an answer
  bool is_over : 1 = false;       // has ended in one
  bool is_straight : 1 = false;   // nothing is in use that few have
  std::uint8_t : 3;
};

// In the order of use: the first four cache lines are what a plain transfer touches.
struct OperationState : Transfer, Setup, Condition, Link {
  // Why it is to be given up, unless it has begun; 0: it is not. Of the thread that uses the
  // engine, whoever has the transfer.
  int given_up_for = 0;
  int error_number = 0;
  Core* core = nullptr;  // null: idle

  std::int64_t submitted_ns = 0;
  std::int64_t started_ns = 0;

  Chain* chain = nullptr;  // that it belongs to
  OperationState* next_in_chain = nullptr;
  RareSetup rare;
  // In the heap of due times (engine/deadlines.h).
  OperationState* first_child = nullptr;
  OperationState* next_sibling = nullptr;
  OperationState* parent_or_previous = nullptr;

  OperationState* next_to_cancel = nullptr;
  std::atomic<bool> stop_requested{false};
  std::optional<std::stop_callback<Stopper>> stop_callback;

  static OperationState& of(Link& link) noexcept { return static_cast<OperationState&>(link); }

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

inline OperationState& state_of(Operation& operation) noexcept {
  return *std::launder(reinterpret_cast<OperationState*>(&operation));
}
inline const OperationState& state_of(const Operation& operation) noexcept {
  return *std::launder(reinterpret_cast<const OperationState*>(&operation));
}
inline OperationState& operation_of(Transfer& transfer) noexcept {
  return static_cast<OperationState&>(transfer);
}
inline const OperationState& operation_of(const Transfer& transfer) noexcept {
  return static_cast<const OperationState&>(transfer);
}
inline OperationState& operation_of(iocb& control) noexcept {
  return operation_of(*static_cast<Transfer*>(control.data));
}

// Those that have ended, in that order, until they are completed.
class EndedQueue {
 public:
  bool empty() const noexcept { return first_ == nullptr; }
  OperationState* front() const noexcept { return static_cast<OperationState*>(first_); }
  void push(OperationState& operation) noexcept {
    operation.next = nullptr;
    *end_ = &operation;
    end_ = &operation.next;
  }
  void pop() noexcept {
    first_ = first_->next;
    if (first_ == nullptr) end_ = &first_;
  }

 private:
  Transfer* first_ = nullptr;
  Transfer** end_ = &first_;
};

}  // namespace kaio::engine
