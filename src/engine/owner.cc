// SPDX-License-Identifier: MIT
// What the core asks the engine, as the owner of its transfers.
#include <cerrno>

#include "engine/core.h"

namespace kaio::engine {

KAIO_THREAD_LOCAL bool UserThread::is_helper_ = false;

// By the thread of the watcher.
void Core::on_result(Transfer& transfer, std::int32_t answer) {
  transfer.move_to(TransferState::starting);
  transfer.set_answer(answer);
  post(operation_of(transfer));
}

std::optional<std::int32_t> Core::carry_out(Transfer& transfer) {
  UserThread::is_another();
  return carrier_.perform(transfer);
}

bool Core::carried_out(Transfer* transfer, std::int32_t answer) {
  if (transfer != nullptr) {
    transfer->move_to(TransferState::starting);
    transfer->set_answer(answer);
    post(operation_of(*transfer));
  }
  return false;
}

// For the thread that uses the engine; whoever posts it does not touch it afterwards.
void Core::post(OperationState& operation) noexcept {
  results_.push(operation);
  notify();
}

void Core::complete(Transfer& transfer, int error_number) {
  OperationState& operation = operation_of(transfer);
  if (user_.is_here()) {
    user_.assert_here();
    return end(operation, error_number);
  }
  operation.is_over = true;
  operation.error_number = error_number;
  if (operation.state.load(std::memory_order_relaxed) != TransferState::starting)
    operation.move_to(TransferState::starting);
  post(operation);
}

Started Core::submit_by_kernel(Transfer& transfer, Attempt attempt, By, SubmissionBatch*) {
  OperationState& operation = operation_of(transfer);
  if (!user_.is_here()) {
    submit_in_helper(operation, attempt);
    return Started::yes;
  }
  user_.assert_here();
  const bool has_room = in_ring_ < places() + wake_is_armed_;
  if (attempt == Attempt::plain && has_room) {
    submit_now(operation, attempt);
  } else {
    enqueue(operation, attempt);
  }
  return Started::yes;
}

// What the kernel said: 1, or why it has not taken it, and then it is `starting` again.
int Core::give_one(OperationState& operation, Attempt attempt) noexcept {
  prepare_otherwise(operation, attempt);
  operation.started_ns = sys::monotonic_ns();
  operation.move_to(TransferState::in_kernel);
  // From here on it may be over; in a helper thread, and gone.
  iocb* control = &operation.control;
  const int outcome = context_.submit({&control, 1});
  if (outcome != 1) operation.move_to(TransferState::starting);
  return outcome;
}

// What is quick, according to what it took before.
void Core::submit_now(OperationState& operation, Attempt attempt) noexcept {
  const int outcome = give_one(operation, attempt);
  if (outcome == 1) {
    ++in_ring_;
  } else if (outcome == 0 || outcome == -EAGAIN) {
    enqueue(operation, attempt);
  } else {
    refused(operation, -outcome);
  }
}

// What may wait for the device. Its place in the ring has been counted by leaves_ring().
void Core::submit_in_helper(OperationState& operation, Attempt attempt) noexcept {
  const int outcome = give_one(operation, attempt);
  if (outcome == 1) return;
  operation.starts_again = outcome == 0 || outcome == -EAGAIN;
  operation.refused = !operation.starts_again;
  operation.set_answer(outcome);
  post(operation);
}

bool Core::poll_by_kernel(Transfer& transfer) {
  user_.assert_here();
  // Those in the queue may be polls, too: they must not take all places.
  const std::size_t count = polls_in_ring_ + batch_count_ + backlog_count_;
  if (!context_.available() || count >= places() / 2) return false;
  enqueue(operation_of(transfer), Attempt::readiness);
  return true;
}

// The device had no room: until another transfer ends.
bool Core::hold(Transfer& transfer) {
  user_.assert_here();
  if (in_ring_ == polls_in_ring_) return false;
  transfer.retried = true;
  transfer.move_to(TransferState::held);
  held_.push_back(transfer);
  return true;
}

FileFacts Core::facts_of(Transfer& transfer) { return operation_of(transfer).file->facts_now(); }

void Core::refuses_nowait(const Transfer& transfer) {
  FileState& file = *operation_of(transfer).file;
  const bool to_read = transfer.operation.is_read();
  file.direction(to_read).refuses_nowait.store(true, std::memory_order_relaxed);
  file.decide(to_read);
}

void Core::expect(const Transfer& transfer, bool blocks) {
  FileState& file = *operation_of(transfer).file;
  const bool to_read = transfer.operation.is_read();
  std::atomic<std::uint8_t>& guess = file.direction(to_read).blocks;
  const std::uint8_t now = guess.load(std::memory_order_relaxed);
  guess.store(static_cast<std::uint8_t>(blocks ? surely_blocks : now - (now != 0)),
              std::memory_order_relaxed);
  file.decide(to_read);
}

// A place in the ring for what a helper thread is to submit: the io_submit of that thread
// must not find it full.
void Core::leaves_ring(Transfer& transfer) {
  user_.assert_here();
  OperationState& operation = operation_of(transfer);
  if (transfer.attempt != Attempt::pool_submit || operation.holds_place) return;
  operation.holds_place = true;
  ++in_ring_;
}

}  // namespace kaio::engine
