// SPDX-License-Identifier: MIT
// Taking operations out that have not begun.
#include <cerrno>

#include "engine/core.h"

namespace kaio::engine {

void Stopper::operator()() const noexcept { operation->core->request_cancel(*operation); }

// Until the stop callback is gone the operation is not given back to the program.
void Core::request_cancel(OperationState& operation) noexcept {
  operation.stop_requested.store(true, std::memory_order_release);
  to_cancel_.push(operation);
  notify();
}

void Core::take_cancels() noexcept {
  OperationState* next = nullptr;
  for (OperationState* operation = to_cancel_.take_in_order(); operation != nullptr;
       operation = next) {
    next = operation->next_to_cancel;
    cancel(*operation);
  }
}

Cancelled Core::cancel(OperationState& operation) noexcept {
  user_.assert_here();
  if (operation.core != this || in_child()) return Cancelled::not_in_use;
  return take_out(operation, ECANCELED) ? Cancelled::yes : Cancelled::under_way;
}

void Core::cancel_all() noexcept {
  user_.assert_here();
  // Newest first, as taking one out changes nothing about those that are older.
  for (Link* link = operations_.older; link != &operations_; link = link->older)
    take_out(OperationState::of(*link), ECANCELED);
}

// True: it ends with the error, at once or when the kernel has let go of its poll.
bool Core::take_out(OperationState& operation, int error_number) noexcept {
  switch (operation.state.load(std::memory_order_acquire)) {
    case TransferState::backlog:
      leave_batch(operation);
      break;
    case TransferState::held:
      held_.erase(operation);
      operation.move_to(TransferState::starting);
      break;
    case TransferState::queued:
      if (pool_.remove(operation)) break;
      operation.given_up_for = error_number;
      return false;
    case TransferState::watched:
      if (watcher_.remove(operation)) break;
      [[fallthrough]];  // it is on its way here
    case TransferState::starting:
      operation.given_up_for = error_number;
      return operation.attempt == Attempt::readiness;
    case TransferState::polling:
      operation.given_up_for = error_number;
      context_.cancel(operation.control);
      return true;
    default:
      operation.given_up_for = error_number;  // if it is to be tried again
      return false;
  }
  ++own_.cancelled;
  end(operation, error_number);
  return true;
}

}  // namespace kaio::engine
