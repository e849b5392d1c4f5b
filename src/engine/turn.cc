// SPDX-License-Identifier: MIT
// A turn of the engine: takes what has ended, acts on it, and calls the completions.
#include <cerrno>

#include "engine/core.h"
#include "engine/probes.h"

namespace kaio::engine {
namespace {

// Whether a sync that ended with it may have lost what was written: not if it was never done.
bool loses_data(int error_number) noexcept {
  switch (error_number) {
    case ECANCELED:
    case ETIMEDOUT:
    case EAGAIN:
    case EBADF:
    case EINVAL:
      return false;
    default:
      return true;
  }
}

}  // namespace

std::size_t Core::turn(Room* room) {
  user_.assert_here();
  if (in_child()) return 0;
  const bool doorbell_is_asked_for = doorbell_is_asked_for_.load(std::memory_order_relaxed);
  if (doorbell_is_asked_for) doorbell_.clear();  // before the look
  // Before the flush: what is not to begin any more is taken out first.
  if (!to_cancel_.empty()) take_cancels();
  if (!deadlines_.empty()) expire();
  if (has_batch()) flush();
  const std::size_t transfer_count = take_events();
  if (!results_.empty()) take_results();
  if (!answers_.empty()) answer_all();
  if (!held_.empty()) release_held(transfer_count);
  const std::size_t count = dispatch(room);
  if (has_batch()) flush();
  announce_ended();  // there is more to take
  return count;
}

// Those that ended a transfer, or a part of one.
std::size_t Core::take_events() noexcept {
  if (in_ring_ == 0) return 0;
  const std::size_t before = in_ring_ - polls_in_ring_;
  io_event events[events_max];
  std::size_t count = 0;
  do {
    count = context_.take_events(events);
    on_events({events, count});
  } while (count == events_max);
  return before - (in_ring_ - polls_in_ring_);
}

// Called with many in a row.
[[gnu::always_inline]] inline void Core::on_event(const io_event& event) noexcept {
  --in_ring_;
  sys::taken_from_kernel(event.data);
  if (event.data == &wake_control_) [[unlikely]]
    return woken();
  OperationState& operation = operation_of(*static_cast<Transfer*>(event.data));
  const auto answer = static_cast<std::int32_t>(event.res);
  // Most: all of what it asked for.
  if (operation.is_straight && answer >= 0 &&
      static_cast<std::size_t>(answer) == operation.operation.size) {
    operation.done_bytes += answer;
    operation.move_to(TransferState::finished);
    probes::complete(operation);
    ended_.push(operation);
    return;
  }
  on_other_event(operation, answer);
}

void Core::on_events(std::span<const io_event> events) noexcept {
  if (keeps_times_ && !events.empty()) now_ns_ = sys::monotonic_ns();
  for (const io_event& event : events) on_event(event);
}

void Core::woken() noexcept {
  --polls_in_ring_;
  wake_is_armed_ = false;
  doorbell_.clear();
}

void Core::on_other_event(OperationState& operation, std::int32_t answer) noexcept {
  operation.holds_place = false;
  polls_in_ring_ -= operation.attempt == Attempt::readiness;
  operation.move_to(TransferState::starting);
  operation.set_answer(answer);
  answers_.push_back(operation);
}

void Core::take_results() noexcept {
  if (keeps_times_) now_ns_ = sys::monotonic_ns();
  Transfer* next = nullptr;
  for (Transfer* transfer = results_.take_in_order(); transfer != nullptr; transfer = next) {
    next = transfer->next;
    OperationState& operation = operation_of(*transfer);
    if (operation.holds_place) {
      operation.holds_place = false;
      --in_ring_;
    }
    answers_.push_back(operation);
  }
}

void Core::answer_all() noexcept {
  TransferQueue answers = answers_;
  answers_ = TransferQueue();
  while (Transfer* transfer = answers.pop_front()) answer(operation_of(*transfer));
}

// State `starting`.
void Core::answer(OperationState& operation) noexcept {
  const std::int32_t answer = operation.answer();
  if (operation.is_over) return end(operation, operation.error_number);
  if (operation.given_up_for != 0 &&
      (operation.attempt == Attempt::readiness || operation.starts_again)) {
    ++own_.cancelled;
    return end(operation, operation.given_up_for);
  }
  if (operation.starts_again) {
    operation.starts_again = false;
    return start(operation);
  }
  const bool ends_short = operation.has(Setup::is_partial) && !operation.operation.is_sync() &&
                          operation.attempt != Attempt::readiness && answer > 0;
  if (operation.is_poll || ends_short) {
    if (answer > 0) operation.done_bytes += answer;
    return end(operation, answer < 0 ? -answer : 0);
  }
  const bool refused = operation.refused;
  operation.refused = false;
  if (carrier_.process_result(operation, answer, refused, By::submitter) == Started::no_threads)
    return end(operation, EAGAIN);
  // Nothing has come of it yet, and it waits for the next attempt: maybe for ever.
  if (operation.given_up_for != 0 && operation.done_bytes == 0)
    take_out(operation, operation.given_up_for);
}

// As many as have made room; all, if nothing else would let them go on.
void Core::release_held(std::size_t count) noexcept {
  const bool others_run = in_ring_ != polls_in_ring_;
  while (Transfer* transfer = held_.pop_front()) {
    if (others_run && count == 0) {
      held_.push_front(*transfer);
      return;
    }
    if (count != 0) --count;
    transfer->move_to(TransferState::starting);
    start(operation_of(*transfer));
  }
}

void Core::expire() noexcept {
  now_ns_ = sys::monotonic_ns();
  while (OperationState* operation = deadlines_.take_due(now_ns_)) {
    if (operation->state.load(std::memory_order_relaxed) == TransferState::finished) continue;
    if (take_out(*operation, ETIMEDOUT)) continue;
    ++own_.late;
    if (operation->rare.late != nullptr) operation->rare.late(operation->handle());
  }
}

// It is over. What the program is told comes later, by dispatch().
void Core::end(OperationState& operation, int error_number) noexcept {
  if (operation.holds_place) {
    operation.holds_place = false;
    --in_ring_;
  }
  operation.error_number = error_number;
  if (error_number > 0 && operation.operation.is_sync() && loses_data(error_number))
    operation.file->sync_failed.store(true, std::memory_order_relaxed);
  operation.move_to(TransferState::finished);
  probes::complete(operation);
  ended_.push(operation);
}

// The operation is idle afterwards, and asks for the same again.
inline void Core::finish(OperationState& operation) noexcept {
  operation.unlink();
  ++own_.completed;
  const auto done_bytes = static_cast<std::uint64_t>(operation.done_bytes);
  (operation.operation.is_read() ? own_.read_bytes : own_.written_bytes) += done_bytes;
  if (!operation.is_straight || operation.operation.size != operation.asked_bytes ||
      operation.error_number != 0) [[unlikely]]
    finish_otherwise(operation);
  operation.core = nullptr;
  operation.move_to(TransferState::free);
}

void Core::finish_otherwise(OperationState& operation) noexcept {
  own_.failed += operation.error_number != 0;
  own_.by_threads += operation.attempt == Attempt::pool_io;
  if (operation.is_poll) {  // events are no bytes
    (operation.operation.is_read() ? own_.read_bytes : own_.written_bytes) -=
        static_cast<std::uint64_t>(operation.done_bytes);
  }
  operation.rewind();
  if (operation.has(Setup::has_due_time)) deadlines_.erase(operation);
  if (!operation.stop_callback) return;
  operation.stop_callback.reset();  // waits for one that runs
  if (operation.stop_requested.load(std::memory_order_acquire)) take_cancels();
}

std::size_t Core::dispatch(Room* room) {
  constexpr unsigned look_at_clock = 16;  // completions
  std::size_t count = 0;
  const std::int64_t taken_ns = now_ns_;
  std::int64_t now_ns = taken_ns;
  while (OperationState* const operation = ended_.front()) {
    const bool is_given =
        room != nullptr && operation->completion == nullptr && operation->chain == nullptr;
    if (is_given && room->is_full()) break;
    ended_.pop();
    if (keeps_times_) {
      if (count % look_at_clock == look_at_clock - 1) now_ns = sys::monotonic_ns();
      if (operation->started_ns != 0)
        own_.device_ns.add(static_cast<std::uint64_t>(taken_ns - operation->started_ns));
      own_.dispatch_ns.add(static_cast<std::uint64_t>(now_ns - taken_ns));
    }
    Chain* const chain = operation->chain;
    probes::dispatch(*operation);
    finish(*operation);
    ++count;
    if (operation->completion != nullptr) {
      operation->completion(operation->handle());
    } else if (is_given) {
      room->give(operation->handle());
    }
    if (chain != nullptr) [[unlikely]]
      chain->member_ended(*this, *operation);
  }
  return count;
}

}  // namespace kaio::engine
