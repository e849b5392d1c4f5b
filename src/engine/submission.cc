// SPDX-License-Identifier: MIT
// Acceptance, and the way into the kernel.
//
// What most transfers are is one function up to the batch: a read or a write in one piece, with
// nothing else set, of a direct file that is known to take RWF_NOWAIT. The rest goes round.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "core/kernel/iocb.h"
#include "core/kernel/sigpipe_guard.h"
#include "engine/core.h"
#include "engine/probes.h"
#include "sys/size_limit.h"

namespace kaio::engine {
namespace {

constexpr Progress straight_progress = [] {
  Progress progress;
  progress.attempt = Attempt::nowait;
  return progress;
}();

EngineError misalignment(const IoOperation& operation, const FileState& file) noexcept {
  const std::uint32_t wrong_bits = (operation.is_read() ? file.reads : file.writes).misaligned_bits;
  const auto wrong_part = [&](const void* address, std::size_t size_bytes) {
    if ((reinterpret_cast<std::uintptr_t>(address) & file.misaligned_address_bits) != 0)
      return EngineError::misaligned_address;
    return (size_bytes & wrong_bits) != 0 ? EngineError::misaligned_length : EngineError::none;
  };
  if ((static_cast<std::uint64_t>(operation.offset_bytes) & wrong_bits) != 0 &&
      !appends(operation, file.facts.traits))
    return EngineError::misaligned_offset;
  if (!operation.vectored) return wrong_part(operation.buffer, operation.size);
  for (std::size_t i = 0; i < operation.size; ++i) {
    const iovec& part = operation.vector()[i];
    const EngineError error = wrong_part(part.iov_base, part.iov_len);
    if (error != EngineError::none) return error;
  }
  return EngineError::none;
}

}  // namespace

Refusal Core::submit(OperationState& operation) noexcept {
  user_.assert_here();
  if (goes_straight(operation)) [[likely]] {
    begin(operation, straight_progress, {.is_straight = true});
    prepare(operation, RWF_NOWAIT);
    probes::submit(operation);
    join_batch(operation);
    if (batch_count_ >= batch_) give_batch();
    return {};
  }
  if (ends_) return EngineError::ending;
  return submit_otherwise(operation);
}

// It is accepted, and nothing has to be decided about it.
inline bool Core::goes_straight(const OperationState& operation) noexcept {
  const FileState* const file = operation.file;
  if (operation.special != 0 || in_child() || !takes_ ||
      operation.state.load(std::memory_order_relaxed) != TransferState::free)
    return false;
  const IoOperation& asked = operation.operation;
  const FileState::Direction& direction = asked.is_read() ? file->reads : file->writes;
  const auto address = reinterpret_cast<std::uintptr_t>(asked.buffer);
  if (!direction.straight.load(std::memory_order_relaxed) ||
      ((address & file->misaligned_address_bits) |
       ((asked.size | static_cast<std::uint64_t>(asked.offset_bytes)) &
        direction.misaligned_bits)) != 0)
    return false;
  return asked.is_read() || !has_size_limit();
}

bool Core::has_size_limit() noexcept {
  if (!size_limit_is_known_) {
    size_limit_is_known_ = true;
    has_size_limit_ = sys::file_size_limit_bytes() != RLIM_INFINITY;
  }
  return has_size_limit_;
}

EngineError Core::check(const OperationState& operation) const noexcept {
  if (in_child()) return EngineError::other_process;
  if (operation.state.load(std::memory_order_relaxed) != TransferState::free)
    return EngineError::busy;
  if (operation.file == nullptr && !operation.is_poll)
    return operation.asked ? EngineError::not_open : EngineError::nothing_asked;
  if (operation.is_poll || operation.operation.is_sync()) return EngineError::none;
  return misalignment(operation.operation, *operation.file);
}

Refusal Core::submit_otherwise(OperationState& operation) noexcept {
  const EngineError error = check(operation);
  if (error != EngineError::none) {
    probes::refuse(operation, error);
    return error;
  }
  look_whether_kernel_takes();
  begin_otherwise(operation);
  if (batch_count_ >= batch_) give_batch();
  return {};
}

// Straight into the ring. At the end everything is looked at first.
void Core::look_whether_kernel_takes() noexcept { takes_ = !ends_ && context_.available(); }

void Core::submit_or_complete(OperationState& operation) noexcept {
  user_.assert_here();
  const Refusal refusal = submit(operation);
  if (!refusal || refusal.reason() == EngineError::busy) return;
  begin(operation, Progress(), Condition());
  end(operation, -static_cast<int>(refusal.reason()));
}

[[gnu::always_inline]] inline void Core::begin(OperationState& operation, Progress progress,
                                               Condition condition) noexcept {
  static_cast<Progress&>(operation) = progress;
  static_cast<Condition&>(operation) = condition;
  operation.core = this;
  operation.given_up_for = 0;
  operation.error_number = 0;
  operation.done_bytes = 0;
  // The first of a batch looks at the clock for all.
  if (keeps_times_ && batch_count_ == 0) now_ns_ = sys::monotonic_ns();
  operation.submitted_ns = now_ns_;
  operation.started_ns = 0;
  operation.insert_behind(*operations_.older);
  ++own_.submitted;
  operation.move_to(TransferState::starting);
}

void Core::begin_otherwise(OperationState& operation) noexcept {
  begin(operation, Progress(), Condition());
  probes::submit(operation);
  if (operation.has(Setup::has_due_time)) deadlines_.insert(operation);
  if (operation.has(Setup::has_stop_token)) {
    operation.stop_requested.store(false, std::memory_order_relaxed);
    operation.stop_callback.emplace(operation.rare.stop, Stopper{&operation});
  }
  if (const int error_number = comes_too_late(operation)) {
    ++own_.cancelled;
    return end(operation, error_number);
  }
  start(operation);
}

// The error that it ends with instead of being started; 0: none.
int Core::comes_too_late(const OperationState& operation) noexcept {
  if (operation.has(Setup::has_stop_token) && operation.rare.stop.stop_requested())
    return ECANCELED;
  if (operation.has(Setup::has_due_time) && operation.rare.due_ns <= sys::monotonic_ns())
    return ETIMEDOUT;
  return 0;
}

// Again, too, when it has not begun after all.
void Core::start(OperationState& operation) noexcept {
  if (operation.is_poll) {
    if (!poll_by_kernel(operation)) watch(operation);
    return;
  }
  const DescriptorTraits& traits = operation.file->facts.traits;
  operation.is_stream = traits.is_stream();
  // XFS wants even an offset that it ignores to be aligned.
  if (appends(operation.operation, traits)) operation.operation.offset_bytes = 0;
  const Started started =
      carrier_.start(operation, By::submitter, nullptr, operation.file->known());
  if (started == Started::no_threads) end(operation, EAGAIN);
}

void Core::watch(OperationState& operation) noexcept {
  operation.set_watch_count(0);
  operation.clear_deadline();
  operation.attempt = Attempt::readiness;
  if (!watcher_.start(operation)) end(operation, EAGAIN);
}

// A transfer in one piece.
inline void Core::prepare(OperationState& operation, std::uint32_t rw_flags) noexcept {
  iocb& control = operation.control;
  const IoOperation& asked = operation.operation;
  control = {};
  control.data = static_cast<Transfer*>(&operation);
  control.aio_lio_opcode = asked.is_read() ? IO_CMD_PREAD : IO_CMD_PWRITE;
  control.aio_fildes = asked.fd;
  control.u.c.buf = asked.buffer;
  control.u.c.nbytes = asked.size;
  control.u.c.offset = asked.offset_bytes;
  iocb_of::set_rw_flags(control, rw_flags);
  if (doorbell_is_asked_for_.load(std::memory_order_relaxed))
    iocb_of::signal_eventfd(control, doorbell_.number_unasked());
}

void Core::prepare_otherwise(OperationState& operation, Attempt attempt) noexcept {
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
      } else if (user_.is_here()) {
        user_.assert_here();
        may_raise_sigpipe_ = true;
      }
    }
    iocb_of::transfer(control, operation.operation, operation.is_stream, flags);
    if (operation.has(Setup::has_priority)) {
      constexpr unsigned iocb_flag_ioprio = 1u << 1;
      control.u.c.flags |= iocb_flag_ioprio;
      control.aio_reqprio = static_cast<short>(operation.rare.io_priority);
    }
  }
  control.data = static_cast<Transfer*>(&operation);
  if (doorbell_is_asked_for_.load(std::memory_order_relaxed))
    iocb_of::signal_eventfd(control, doorbell_.number_unasked());
}

// Behind those that wait already, if any do.
inline void Core::join_batch(OperationState& operation) noexcept {
  operation.move_to(TransferState::backlog);
  if (batch_count_ < batch_max && backlog_count_ == 0) {
    batch_controls_[batch_count_++] = &operation.control;
  } else {
    backlog_.push_back(operation);
    ++backlog_count_;
  }
}

void Core::enqueue(OperationState& operation, Attempt attempt) noexcept {
  prepare_otherwise(operation, attempt);
  join_batch(operation);
}

// It was to be given to the kernel.
void Core::leave_batch(OperationState& operation) noexcept {
  const auto end = batch_controls_.begin() + static_cast<std::ptrdiff_t>(batch_count_);
  const auto place = std::find(batch_controls_.begin(), end, &operation.control);
  if (place != end) {
    std::copy(place + 1, end, place);
    --batch_count_;
  } else {
    backlog_.erase(operation);
    --backlog_count_;
  }
  operation.move_to(TransferState::starting);
}

void Core::refill_batch() noexcept {
  while (backlog_count_ != 0 && batch_count_ < batch_max) {
    batch_controls_[batch_count_++] = &backlog_.pop_front()->control;
    --backlog_count_;
  }
}

void Core::call_before_flush(BatchJoiner& joiner) noexcept {
  user_.assert_here();
  joiner.next_joiner = joiners_;
  joiners_ = &joiner;
}

void Core::call_joiners() noexcept {
  while (BatchJoiner* const joiner = joiners_) {
    joiners_ = joiner->next_joiner;
    joiner->join_batch();
  }
}

void Core::flush() noexcept {
  user_.assert_here();
  if (joiners_ != nullptr) call_joiners();
  give_batch();
}

// One by the first call, then twice as many by each: the device works on the first while the
// kernel prepares the others, and many take few calls all the same.
//
// The kernel stops at the first one that it does not take, and says why only when that one is
// the first of a call.
void Core::give_batch() noexcept {
  size_limit_is_known_ = false;
  if (backlog_count_ != 0) refill_batch();
  const std::size_t places = this->places() + wake_is_armed_;
  std::optional<SigpipeGuard> guard;
  std::int64_t begin_ns = keeps_times_ ? sys::monotonic_ns() : 0;
  for (std::size_t most = 1; batch_count_ != 0 && in_ring_ < places; begin_ns = now_ns_) {
    if (may_raise_sigpipe_ && !guard) guard.emplace();
    const std::size_t count = std::min({batch_count_, places - in_ring_, most});
    most = std::min(2 * most, batch_max);
    const int outcome = context_.submit({batch_controls_.data(), count});
    const std::size_t taken = outcome > 0 ? static_cast<std::size_t>(outcome) : 0;
    now_ns_ = keeps_times_ ? sys::monotonic_ns() : 0;
    for (std::size_t i = 0; i < taken; ++i) given(operation_of(*batch_controls_[i]), begin_ns);
    if (keeps_times_) own_.submitting_ns.add(static_cast<std::uint64_t>(now_ns_ - begin_ns));
    in_ring_ += taken;
    batch_count_ -= taken;
    if (batch_count_ != 0) {
      std::memmove(batch_controls_.data(), batch_controls_.data() + taken,
                   batch_count_ * sizeof(iocb*));
      if (outcome <= 0) {
        if (!handle_refusal(-outcome)) return;
        now_ns_ = keeps_times_ ? sys::monotonic_ns() : 0;
      }
    }
    if (backlog_count_ != 0) refill_batch();
  }
  may_raise_sigpipe_ = may_raise_sigpipe_ && batch_count_ != 0;
}

// The kernel has it.
inline void Core::given(OperationState& operation, std::int64_t begin_ns) noexcept {
  operation.move_to(TransferState::starting);
  if (operation.attempt == Attempt::readiness) [[unlikely]] {
    ++polls_in_ring_;
    operation.move_to(TransferState::polling);
  } else {
    operation.move_to(TransferState::in_kernel);
  }
  if (!keeps_times_) return;
  operation.started_ns = now_ns_;
  own_.queued_ns.add(static_cast<std::uint64_t>(begin_ns - operation.submitted_ns));
}

// io_submit has not taken the first of the batch. False: nothing more can be given now.
bool Core::handle_refusal(int error_number) noexcept {
  const bool has_no_room = error_number == 0 || error_number == EAGAIN;
  // But for what comes back: polls need not.
  if (has_no_room && in_ring_ != polls_in_ring_) {
    ++own_.ring_full;
    return false;
  }
  OperationState& operation = operation_of(*batch_controls_[0]);
  leave_batch(operation);
  // With nothing of ours in the way the kernel has no memory.
  refused(operation, has_no_room ? EAGAIN : error_number);
  look_whether_kernel_takes();  // it may have been given up for that
  return true;
}

// By io_submit; state `starting`.
void Core::refused(OperationState& operation, int error_number) noexcept {
  if (error_number == EAGAIN) return end(operation, EAGAIN);
  if (operation.attempt == Attempt::readiness) {
    // EINVAL: more than one wait queue, as terminals have, or a kernel before 4.18.
    return error_number == EBADF ? end(operation, EBADF) : watch(operation);
  }
  const Started started = carrier_.process_result(operation, -error_number, true, By::submitter);
  if (started == Started::no_threads) end(operation, EAGAIN);
}

}  // namespace kaio::engine
