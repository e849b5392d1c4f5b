// SPDX-License-Identifier: MIT
#include <kaio/engine/operation.h>

#include <cassert>
#include <linux/fs.h>
#include <new>

#include "engine/core.h"

namespace kaio {
namespace {

using engine::FileState;
using engine::OperationState;
using engine::state_of;

OperationState& ask(OperationState& state, FileState* file, Opcode opcode, void* buffer,
                    std::size_t size, std::uint64_t offset_bytes) noexcept {
  assert(state.core == nullptr);
  state.file = file;
  state.asked = true;
  state.is_poll = false;
  constexpr unsigned by_request = engine::Setup::not_open | engine::Setup::other_kind;
  state.special = static_cast<std::uint8_t>(
      (state.special & ~by_request) | (file == nullptr ? engine::Setup::not_open : 0) |
      (opcode > Opcode::write ? engine::Setup::other_kind : 0));
  state.asked_bytes = size;
  state.operation = IoOperation{.buffer = buffer,
                                .size = size,
                                .offset_bytes = static_cast<std::int64_t>(offset_bytes),
                                .fd = file == nullptr ? -1 : file->fd,
                                .rw_flags = state.operation.rw_flags,
                                .opcode = opcode};
  return state;
}

void make_vectored(OperationState& state) noexcept {
  state.operation.vectored = true;
  state.set(engine::Setup::other_kind, true);
}

}  // namespace

static_assert(alignof(OperationState) <= alignof(Operation));

Operation::Operation() noexcept {
  static_assert(sizeof(OperationState) <= state_bytes);
  ::new (static_cast<void*>(memory_)) OperationState;
}

Operation::~Operation() {
  // In a child of fork() what was under way in the parent stays so.
  assert(is_idle() || state_of(*this).core->in_child());
  state_of(*this).~OperationState();
}

Operation::Operation(Operation&& other) noexcept : Operation() { *this = std::move(other); }

Operation& Operation::operator=(Operation&& other) noexcept {
  OperationState& to = state_of(*this);
  OperationState& from = state_of(other);
  assert(is_idle() && other.is_idle());
  if (&to == &from) return *this;
  static_cast<engine::Setup&>(to) = from;
  to.rare = std::move(from.rare);
  to.operation = from.operation;
  to.done_bytes = from.done_bytes;
  to.error_number = from.error_number;
  return *this;
}

Operation& Operation::read(const File& file, void* to, std::size_t size_bytes,
                           std::uint64_t offset_bytes) noexcept {
  ask(state_of(*this), file.state(), Opcode::read, to, size_bytes, offset_bytes);
  return *this;
}

Operation& Operation::write(const File& file, const void* from, std::size_t size_bytes,
                            std::uint64_t offset_bytes) noexcept {
  ask(state_of(*this), file.state(), Opcode::write, const_cast<void*>(from), size_bytes,
      offset_bytes);
  return *this;
}

Operation& Operation::readv(const File& file, std::span<iovec> parts,
                            std::uint64_t offset_bytes) noexcept {
  ask(state_of(*this), file.state(), Opcode::read, parts.data(), parts.size(), offset_bytes);
  make_vectored(state_of(*this));
  return *this;
}

Operation& Operation::writev(const File& file, std::span<iovec> parts,
                             std::uint64_t offset_bytes) noexcept {
  ask(state_of(*this), file.state(), Opcode::write, parts.data(), parts.size(), offset_bytes);
  make_vectored(state_of(*this));
  return *this;
}

Operation& Operation::sync(const File& file) noexcept {
  ask(state_of(*this), file.state(), Opcode::fsync, nullptr, 0, 0);
  return *this;
}

Operation& Operation::datasync(const File& file) noexcept {
  ask(state_of(*this), file.state(), Opcode::fdatasync, nullptr, 0, 0);
  return *this;
}

Operation& Operation::poll(int fd, Readiness readiness) noexcept {
  ask(state_of(*this), nullptr, readiness == Readiness::readable ? Opcode::read : Opcode::write,
      nullptr, 0, 0);
  state_of(*this).operation.fd = fd;
  state_of(*this).is_poll = true;
  state_of(*this).set(engine::Setup::other_kind, true);
  return *this;
}

Operation& Operation::set_flags(unsigned rw_flags) noexcept {
  // Those for which there is no room no kernel knows: EOPNOTSUPP, as for the one that says so.
  constexpr unsigned room = 0xffff, unknown = 0x8000;
  if ((rw_flags & ~room) != 0) rw_flags |= unknown;
  state_of(*this).operation.rw_flags = static_cast<std::uint16_t>(rw_flags);
  state_of(*this).set(engine::Setup::has_flags, rw_flags != 0);
  return *this;
}

Operation& Operation::set_priority(IoPriority priority) noexcept {
  constexpr unsigned class_shift = 13, level_max = 7;
  const auto io_class = static_cast<unsigned>(priority.io_class);  // the kernel's numbers
  const unsigned level = priority.level < level_max ? priority.level : level_max;
  state_of(*this).set(engine::Setup::has_priority, io_class != 0);
  state_of(*this).rare.io_priority = static_cast<std::uint16_t>(io_class << class_shift | level);
  return *this;
}

Operation& Operation::set_partial(bool partial) noexcept {
  state_of(*this).set(engine::Setup::is_partial, partial);
  return *this;
}

Operation& Operation::set_deadline(Clock::time_point deadline, Completion late) noexcept {
  const auto ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count();
  state_of(*this).set(engine::Setup::has_due_time, true);
  state_of(*this).rare.due_ns = ns;
  state_of(*this).rare.late = late;
  return *this;
}

Operation& Operation::clear_deadline() noexcept {
  state_of(*this).set(engine::Setup::has_due_time, false);
  state_of(*this).rare.late = nullptr;
  return *this;
}

Operation& Operation::set_stop_token(std::stop_token token) noexcept {
  state_of(*this).set(engine::Setup::has_stop_token, token.stop_possible());
  state_of(*this).rare.stop = std::move(token);
  return *this;
}

Operation& Operation::on_completion(Completion completion, void* context) noexcept {
  state_of(*this).completion = completion;
  state_of(*this).context = context;
  return *this;
}

void* Operation::context() const noexcept { return state_of(*this).context; }

bool Operation::is_idle() const noexcept { return state_of(*this).core == nullptr; }

Result Operation::result() const noexcept {
  const OperationState& self = state_of(*this);
  return {static_cast<std::size_t>(self.done_bytes), self.error_number};
}

}  // namespace kaio
