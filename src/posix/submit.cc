// SPDX-License-Identifier: MIT
#include "posix/submit.h"

#include <climits>

#include "posix/copy_sigevent.h"
#include "posix/export.h"
#include "posix/frame.h"

namespace kaio {
namespace {

constexpr int reqprio_max = 20;  // AIO_PRIO_DELTA_MAX

// Fills in what was asked. 0, or the error with which the request ends.
int fill(Requests& requests, const aiocb& control_block, const Submission& submission,
         Operation& operation) noexcept {
  operation = Operation();
  operation.fd = control_block.aio_fildes;
  operation.opcode = submission.opcode;
  if (operation.is_sync()) return 0;
  operation.priority = control_block.aio_reqprio & 0x1f;  // checked to be in range
  operation.offset_bytes = control_block.aio_offset;
  operation.rw_flags = submission.rw_flags;
  operation.size = control_block.aio_nbytes;
  operation.buffer = const_cast<void*>(control_block.aio_buf);
  if (!submission.vectored) return operation.size > SSIZE_MAX ? EINVAL : 0;
  if (operation.size > IovecStore::count_max) return EINVAL;
  std::size_t total_bytes = 0;
  for (std::size_t i = 0; i < operation.size; ++i) {
    const std::size_t part_bytes = static_cast<const iovec*>(operation.buffer)[i].iov_len;
    if (part_bytes > SSIZE_MAX - total_bytes) return EINVAL;
    total_bytes += part_bytes;
  }
  operation.buffer = requests.vectors.copy(static_cast<const iovec*>(operation.buffer), operation.size);
  if (operation.buffer == nullptr) return EAGAIN;
  operation.vectored = true;
  return 0;
}

void reset(Request& request) noexcept {
  request.done_bytes = 0;
  request.attempt = Attempt::none;
  request.tried = request.retried = request.pushed = false;
  request.is_stream = request.has_turn = false;
}

}  // namespace

int submit(Runtime& runtime, aiocb& control_block, const Submission& submission) noexcept {
  const bool is_sync = submission.opcode >= Opcode::fsync;
  if (!is_sync && (control_block.aio_reqprio < 0 || control_block.aio_reqprio > reqprio_max))
    return EINVAL;
  StatusCell& cell = cell_of(control_block);
  if (status::is_in_progress(cell.word.load(std::memory_order_acquire))) {
    // Perhaps it is finished, and nobody has looked.
    runtime.harvester.harvest();
    if (request_in_progress(runtime.requests, control_block) != nullptr) return EINVAL;
  }
  Notification notification;
  if (const int error_number =
          copy_sigevent(control_block.aio_sigevent, runtime.completer.notifier(), notification))
    return error_number;

  // A result of its last life that nobody took is nobody's now.
  const RequestId last = id_of(control_block);
  runtime.completer.retrieval().taken(last.slot, last.generation, cell);

  Request* request = runtime.requests.slab.allocate();
  if (request == nullptr) {
    release(notification);
    return EAGAIN;
  }
  reset(*request);
  request->notification = notification;
  request->cell = &cell;
  request->group = submission.group;
  int status_error = submission.error_number;
  if (const int error_number = fill(runtime.requests, control_block, submission, request->operation))
    status_error = error_number;
  set_id(control_block, *request);
  cell.result_bytes = 0;
  cell.word.store(status::in_progress, std::memory_order_release);
  if (status_error != 0) {
    runtime.statistics.count(Count::submitted);
    if (notification.kind != Notification::Kind::none) runtime.reaper.ensure_running();
    request->operation.fd = -1;  // it never got as far as a descriptor
    runtime.completer.complete(*request, -status_error);
    return 0;
  }
  if (runtime.dispatcher.submit(*request, submission.batch)) return 0;
  cell.word.store(status::done(EAGAIN), std::memory_order_release);
  cell.result_bytes = -1;
  release(request->notification);
  runtime.requests.free(*request);
  return EAGAIN;
}

int submit_one(aiocb* control_block, const Submission& submission) noexcept {
  Runtime* engine = runtime();
  if (engine == nullptr) return fail(EAGAIN);
  int error_number = 0;
  {
    const Frame frame(*engine);
    error_number = submit(*engine, *control_block, submission);
  }
  return error_number == 0 ? 0 : fail(error_number);
}

}  // namespace kaio
