// SPDX-License-Identifier: MIT
// Acceptance, and the way into the kernel.
#include <algorithm>
#include <cerrno>

#include "core/kernel/iocb.h"
#include "core/kernel/sigpipe_guard.h"
#include "engine/core.h"
#include "sys/size_limit.h"

namespace kaio::engine {
namespace {

bool is_multiple(std::uint64_t value, std::uint32_t power_of_two) noexcept {
  return (value & (power_of_two - 1)) == 0;
}

// Null: nothing wrong.
EngineError misalignment(const IoOperation& operation, const Alignment& alignment) noexcept {
  const std::uint32_t unit_bytes =
      operation.is_read() ? alignment.read_bytes : alignment.overwrite_bytes;
  const auto wrong_part = [&](const void* address, std::size_t size_bytes) {
    if (!is_multiple(reinterpret_cast<std::uintptr_t>(address), alignment.memory_bytes))
      return EngineError::misaligned_address;
    if (!is_multiple(size_bytes, unit_bytes)) return EngineError::misaligned_length;
    return EngineError{};
  };
  if (!is_multiple(static_cast<std::uint64_t>(operation.offset_bytes), unit_bytes) &&
      (operation.rw_flags & RWF_APPEND) == 0)
    return EngineError::misaligned_offset;
  if (!operation.vectored) return wrong_part(operation.buffer, operation.size);
  for (std::size_t i = 0; i < operation.size; ++i) {
    const iovec& part = operation.vector()[i];
    const EngineError error = wrong_part(part.iov_base, part.iov_len);
    if (error != EngineError{}) return error;
  }
  return EngineError{};
}

}  // namespace

EngineError Core::check(const OperationState& operation) const noexcept {
  if (in_child()) return EngineError::other_process;
  if (operation.state.load(std::memory_order_relaxed) != TransferState::free)
    return EngineError::busy;
  if (operation.file == nullptr && !operation.is_poll)
    return operation.asked ? EngineError::not_open : EngineError::nothing_asked;
  if (!operation.is_poll && operation.file->facts.traits.direct && !operation.operation.is_sync())
    return misalignment(operation.operation, operation.file->alignment);
  return EngineError{};
}

std::error_code Core::submit(OperationState& operation) noexcept {
  const EngineError error = check(operation);
  if (error != EngineError{}) [[unlikely]]
    return error;
  begin(operation);
  start(operation);
  if (ready_count_ >= batch_) flush();
  return {};
}

void Core::begin(OperationState& operation) noexcept {
  static_cast<Progress&>(operation) = Progress();
  static_cast<Condition&>(operation) = Condition();
  operation.core = this;
  operation.error_number = 0;
  operation.done_bytes = 0;
  if (now_ns_ == 0) now_ns_ = sys::monotonic_ns();
  operation.submitted_ns = now_ns_;
  operation.older = newest_;
  operation.newer = nullptr;
  (newest_ == nullptr ? oldest_ : newest_->newer) = &operation;
  newest_ = &operation;
  ++under_way_;
  ++own_.submitted;
  if (operation.due_ns != 0) deadlines_.insert(operation);
  operation.move_to(TransferState::starting);
  if (operation.stop.stop_possible()) [[unlikely]] {
    operation.stop_requested.store(false, std::memory_order_relaxed);
    operation.stop_callback.emplace(operation.stop, Stopper{&operation});
  }
}

void Core::start(OperationState& operation) noexcept {
  if (goes_straight(operation)) return enqueue(operation, Attempt::nowait);
  if (operation.is_poll) return start_poll(operation);
  operation.is_stream = operation.file->facts.traits.is_stream();
  start_by_core(operation);
}

void Core::start_by_core(OperationState& operation) noexcept {
  const Started started =
      carrier_.start(operation, By::submitter, nullptr, operation.file->known());
  if (started == Started::no_threads) end(operation, EAGAIN);
}

// What most transfers are: there is nothing to be decided about them.
bool Core::goes_straight(const OperationState& operation) noexcept {
  const IoOperation& asked = operation.operation;
  if (operation.is_poll || asked.is_sync() || asked.vectored || asked.rw_flags != 0 ||
      !context_.available() || !operation.file->goes_straight(asked.is_read()))
    return false;
  if (asked.is_read()) return true;
  if (!size_limit_is_known_) {
    size_limit_is_known_ = true;
    has_size_limit_ = sys::file_size_limit_bytes() != RLIM_INFINITY;
  }
  return !has_size_limit_ && !operation.file->facts.traits.append;
}

void Core::prepare(OperationState& operation, Attempt attempt) noexcept {
  operation.attempt = attempt;
  iocb& control = operation.control;
  if (attempt == Attempt::kernel_sync) {
    iocb_of::sync(control, operation.operation);
  } else if (attempt == Attempt::readiness) {
    iocb_of::readiness(control, operation.operation.fd, operation.operation.is_read());
  } else {
    std::uint32_t flags = attempt == Attempt::nowait ? RWF_NOWAIT : 0;
    if (operation.is_stream && operation.operation.is_write()) {
      if (context_.has_nosignal()) {
        flags |= iocb_of::rwf_nosignal;
      } else if (!in_helper_thread) {
        may_raise_sigpipe_ = true;
      }
    }
    iocb_of::transfer(control, operation.operation, operation.is_stream, flags);
    if (operation.io_priority != 0) {
      constexpr unsigned iocb_flag_ioprio = 1u << 1;
      control.u.c.flags |= iocb_flag_ioprio;
      control.aio_reqprio = static_cast<short>(operation.io_priority);
    }
  }
  control.data = static_cast<Transfer*>(&operation);
  if (doorbell_is_asked_for_.load(std::memory_order_relaxed))
    iocb_of::signal_eventfd(control, doorbell_.number_unasked());
}

void Core::enqueue(OperationState& operation, Attempt attempt) noexcept {
  prepare(operation, attempt);
  operation.move_to(TransferState::backlog);
  ready_.push_back(operation);
  ++ready_count_;
}

void Core::start_poll(OperationState& operation) noexcept {
  if (!poll_by_kernel(operation)) watch(operation);
}

void Core::watch(OperationState& operation) noexcept {
  operation.set_watch_count(0);
  operation.clear_deadline();
  operation.attempt = Attempt::readiness;
  if (!carrier_.watcher().watch(operation)) end(operation, EAGAIN);
}

void Core::take_batch(std::span<iocb*> batch) noexcept {
  for (iocb*& control : batch) {
    Transfer& transfer = *ready_.pop_front();
    transfer.move_to(TransferState::starting);
    control = &transfer.control;
  }
  ready_count_ -= batch.size();
}

void Core::put_back(std::span<iocb*> batch) noexcept {
  for (auto place = batch.rbegin(); place != batch.rend(); ++place) {
    auto& transfer = *static_cast<Transfer*>((*place)->data);
    transfer.move_to(TransferState::backlog);
    ready_.push_front(transfer);
  }
  ready_count_ += batch.size();
}

int Core::submit(std::span<iocb*> batch) noexcept {
  if (!may_raise_sigpipe_) return context_.submit(batch);
  may_raise_sigpipe_ = false;
  const SigpipeGuard guard;
  return context_.submit(batch);
}

// As many calls as it takes: the kernel stops at the first one that it does not take, and says
// why only when that one is the first.
void Core::flush() noexcept {
  size_limit_is_known_ = false;
  const std::size_t places = this->places() + wake_is_armed_;
  while (ready_count_ != 0 && in_ring_ < places) {
    iocb* controls[batch_max];
    const std::size_t count = std::min({ready_count_, places - in_ring_, batch_max});
    std::span<iocb*> batch(controls, count);
    take_batch(batch);
    const std::int64_t begin_ns = sys::monotonic_ns();
    const int outcome = submit(batch);
    now_ns_ = keeps_times_ ? sys::monotonic_ns() : begin_ns;
    const std::size_t taken = outcome > 0 ? static_cast<std::size_t>(outcome) : 0;
    for (iocb* control : batch.first(taken)) {
      OperationState& operation = operation_of(*static_cast<Transfer*>(control->data));
      operation.move_to(operation.attempt == Attempt::readiness ? TransferState::polling
                                                                : TransferState::in_kernel);
      polls_in_ring_ += operation.attempt == Attempt::readiness;
      operation.started_ns = now_ns_;
      if (keeps_times_)
        own_.queued_ns.add(static_cast<std::uint64_t>(begin_ns - operation.submitted_ns));
    }
    if (keeps_times_) own_.submitting_ns.add(static_cast<std::uint64_t>(now_ns_ - begin_ns));
    in_ring_ += taken;
    batch = batch.subspan(taken);
    if (batch.empty() || outcome > 0) {
      put_back(batch);
      continue;
    }
    if ((outcome == 0 || outcome == -EAGAIN) && in_ring_ != 0) {
      // No room but what comes back.
      ++own_.ring_full;
      return put_back(batch);
    }
    put_back(batch.subspan(1));
    refused(operation_of(*static_cast<Transfer*>(batch.front()->data)),
            outcome == 0 ? EAGAIN : -outcome);
  }
}

// By io_submit; state `starting`.
void Core::refused(OperationState& operation, int error_number) noexcept {
  if (operation.attempt == Attempt::readiness) {
    // EINVAL: more than one wait queue, as terminals have, or a kernel before 4.18.
    return error_number == EBADF ? end(operation, EBADF) : watch(operation);
  }
  // Nothing of ours is in the way: the kernel has no memory.
  if (error_number == EAGAIN) return end(operation, EAGAIN);
  const Started started = carrier_.process_result(operation, -error_number, true, By::submitter);
  if (started == Started::no_threads) end(operation, EAGAIN);
}

}  // namespace kaio::engine
