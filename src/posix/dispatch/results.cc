// SPDX-License-Identifier: MIT
// What the backends answer.
#include "posix/dispatch/dispatcher.h"
#include "sys/errno_kept.h"

namespace kaio {

// In whatever thread reaps, with the reap lock held.
void Dispatcher::on_result(Transfer& transfer, std::int32_t answer) {
  Request& request = request_of(transfer);
  // First the state: the event of a poll may come late, when the request is over, and others
  // write to it. Until that has come it does not go anywhere else.
  if (request.state.load(std::memory_order_relaxed) != TransferState::in_kernel)
    return on_other_result(request, answer);
  assert(request.poll.load(std::memory_order_relaxed) == KernelPoll::none);
  const IoOperation& operation = request.operation;
  // By far the most frequent answer, and one that needs no thought. A sync has no bytes, and is
  // answered with none.
  const bool whole =
      !operation.vectored && answer >= 0 && static_cast<std::size_t>(answer) == operation.size;
  if (!whole) return on_other_result(request, answer);
  completer_.complete_transfer(request, request.done_bytes + answer);
}

// Apart, so that the above has nothing to save.
[[gnu::noinline]] void Dispatcher::on_other_result(Request& request, std::int32_t answer) {
  const sys::ErrnoKept errno_kept;
  if (request.poll.load(std::memory_order_relaxed) != KernelPoll::none) {
    if (!end_poll(request)) return;
  } else if (request.state.load(std::memory_order_relaxed) == TransferState::in_kernel &&
             request.operation.is_sync()) {
    statistics_.count(Count::by_kernel);
    completer_.complete(request, answer < 0 ? answer : request.done_bytes + answer);
    return;
  }
  request.move_to(TransferState::starting);
  request.set_answer(answer);
  deferred::put_aside(request);
}

// What was transferred before an error is what the caller is told of, as by read() and write().
void Dispatcher::complete(Transfer& transfer, int error_number) {
  const bool failed = error_number != 0 && transfer.done_bytes == 0;
  completer_.complete(request_of(transfer), failed ? -error_number : transfer.done_bytes);
}

// In a pool thread.
std::optional<std::int32_t> Dispatcher::carry_out(Transfer& transfer) {
  // Before it blocks: others' notifications may have been left to this thread.
  drain();
  return carrier_.perform(transfer);
}

bool Dispatcher::carried_out(Transfer* transfer, std::int32_t answer) {
  if (transfer != nullptr) {
    Request& request = request_of(*transfer);
    request.move_to(TransferState::starting);
    if (carrier_.process_result(request, answer, false, By::later) == Started::no_threads)
      await_thread(request);
  }
  return !ring_reaper_.nothing_there() || !backlog_.empty() || !deferred::requests.empty();
}

void Dispatcher::see_to_others() {
  ring_reaper_.reap();
  drain();
}

}  // namespace kaio
