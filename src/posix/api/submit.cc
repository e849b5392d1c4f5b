// SPDX-License-Identifier: MIT
#include "posix/api/submit.h"

#include <climits>

#include "posix/api/copy_sigevent.h"
#include "posix/api/export.h"
#include "posix/api/api_scope.h"
#include "posix/request/probes.h"

namespace kaio {
namespace {

// Our copy of the iovec array. 0; EAGAIN: there is no memory for it, and the request is
// refused; or the error with which it ends.
int copy_vector(Requests& requests, IoOperation& operation) noexcept {
  if (operation.size > IovecStore::count_max) return EINVAL;
  const auto* parts = static_cast<const iovec*>(operation.buffer);
  std::size_t total_bytes = 0;
  for (std::size_t i = 0; i < operation.size; ++i) {
    if (parts[i].iov_len > SSIZE_MAX - total_bytes) return EINVAL;
    total_bytes += parts[i].iov_len;
  }
  operation.buffer = requests.vectors.copy(parts, operation.size);
  if (operation.buffer == nullptr) return EAGAIN;
  operation.vectored = true;
  return 0;
}

// Fills in what was asked. As copy_vector().
int fill(Requests& requests, const aiocb& control_block, const Submission& submission,
         IoOperation& operation) noexcept {
  if (submission.opcode >= Opcode::fsync) {
    operation = IoOperation{.fd = control_block.aio_fildes, .opcode = submission.opcode};
    return 0;
  }
  operation = IoOperation{.buffer = const_cast<void*>(control_block.aio_buf),
                          .size = control_block.aio_nbytes,
                          .offset_bytes = control_block.aio_offset,
                          .fd = control_block.aio_fildes,
                          .rw_flags = submission.rw_flags,
                          .opcode = submission.opcode};
  operation.priority = control_block.aio_reqprio & 0x1f;  // checked to be in range
  if (submission.vectored) return copy_vector(requests, operation);
  return operation.size > SSIZE_MAX ? EINVAL : 0;
}

Request* allocate(Runtime& runtime) noexcept {
  Request* request = runtime.requests.take_free();
  if (request != nullptr) return request;
  runtime.completer.retrieval().forget_old();
  return runtime.requests.slab.allocate();
}

// Accepted, and over at once. It never gets as far as a descriptor.
void end_at_once(Runtime& runtime, Request& request, int error_number) noexcept {
  runtime.statistics.count(Count::submitted);
  if (request.notification.kind != Notification::Kind::none) runtime.reaper_thread.ensure_running();
  request.operation.fd = -1;
  runtime.completer.complete(request, -error_number);
}

// Not accepted. `request`: null if none was made.
[[gnu::noinline]] Submitted refuse(const Request* request, const aiocb& control_block,
                                   Submitted outcome) noexcept {
  probes::refuse(request, &control_block, error_of(outcome));
  return outcome;
}

// Not accepted after all, for want of something.
[[gnu::noinline]] Submitted withdraw(Runtime& runtime, Request& request,
                                     const aiocb& control_block) noexcept {
  refuse(&request, control_block, Submitted::no_resources);
  release(request.notification, runtime.completer.notifier());
  runtime.requests.free(request);
  return Submitted::no_resources;
}

// One function, as posix/dispatch/submission.cc says why.
[[gnu::always_inline]] inline Submitted submit_here(Runtime& runtime, aiocb& control_block,
                                                    const Submission& submission) noexcept {
  const bool is_sync = submission.opcode >= Opcode::fsync;
  if (!is_sync &&
      (control_block.aio_reqprio < 0 || control_block.aio_reqprio > limits::reqprio_max))
    return refuse(nullptr, control_block, Submitted::invalid);
  StatusCell& cell = cell_of(control_block);
  const std::uint32_t last = cell.word.load(std::memory_order_acquire);
  if (status::is_in_progress(last)) {
    // Perhaps it is finished, and nobody has looked.
    runtime.ring_reaper.reap();
    if (request_in_progress(runtime.requests, control_block) != nullptr)
      return refuse(nullptr, control_block, Submitted::in_progress);
  }
  Request* request = allocate(runtime);
  if (request == nullptr) return refuse(nullptr, control_block, Submitted::no_resources);
  if (const int error_number = copy_sigevent(control_block.aio_sigevent,
                                             runtime.completer.notifier(), request->notification)) {
    runtime.requests.free(*request);
    return refuse(nullptr, control_block,
                  error_number == EINVAL ? Submitted::invalid : Submitted::no_resources);
  }
  // A result of its last life that nobody took is nobody's now.
  if ((last & status::tag_mask) != status::tag_taken) {
    const RequestId id = id_of(control_block);
    runtime.completer.retrieval().taken(id.slot, id.generation, cell);
  }
  static_cast<Progress&>(*request) = Progress();
  request->done_bytes = 0;
  request->cell = &cell;
  request->group = submission.group;
  int error_number = fill(runtime.requests, control_block, submission, request->operation);
  if (submission.error_number != 0) error_number = submission.error_number;
  probes::submit(*request, &control_block);
  if (error_number == EAGAIN) return withdraw(runtime, *request, control_block);
  set_id(control_block, request->identity());
  cell.result_bytes = 0;
  cell.word.store(status::in_progress, std::memory_order_release);
  if (error_number != 0) {
    end_at_once(runtime, *request, error_number);
    return Submitted::accepted;
  }
  if (runtime.dispatcher.submit(*request, submission.batch)) return Submitted::accepted;
  return take_back(runtime, *request, control_block);
}

}  // namespace

Submitted take_back(Runtime& runtime, Request& request, const aiocb& control_block) noexcept {
  // Somebody may wait for it already.
  runtime.completer.publish_refusal(cell_of(control_block), EAGAIN);
  return withdraw(runtime, request, control_block);
}

Submitted submit(Runtime& runtime, aiocb& control_block, const Submission& submission) noexcept {
  const Submitted outcome = submit_here(runtime, control_block, submission);
  if (outcome != Submitted::accepted && outcome != Submitted::in_progress)
    runtime.completer.publish_refusal(cell_of(control_block), error_of(outcome));
  return outcome;
}

int submit_one(aiocb* control_block, const Submission& submission) noexcept {
  Runtime* engine = runtime();
  if (engine == nullptr) return fail(EAGAIN);
  auto outcome = Submitted::accepted;
  {
    const ApiScope scope(*engine);
    outcome = submit_here(*engine, *control_block, submission);
  }
  return outcome == Submitted::accepted ? 0 : fail(error_of(outcome));
}

}  // namespace kaio
