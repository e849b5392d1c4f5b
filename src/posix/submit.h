// SPDX-License-Identifier: MIT
// From an aiocb to a request on its way: what aio_read, aio_write, their relatives
// and lio_listio have in common.
#pragma once

#include "posix/aiocb_cell.h"
#include "runtime/runtime.h"
#include "sys/cancellation.h"

namespace kaio {

struct Submission {
  Opcode opcode = Opcode::read;
  bool vectored = false;
  std::uint16_t rw_flags = 0;
  // When not 0, the request is accepted and ends at once with this error.
  int error_number = 0;
  RequestGroup* group = nullptr;  // already counts the request
  SubmissionBatch* batch = nullptr;
};

// 0: accepted. Else an error number, EINVAL or EAGAIN, and nothing was queued;
// the status of an aiocb that is in progress already is left alone.
int submit(Runtime& runtime, aiocb& control_block, const Submission& submission) noexcept;

// The body of aio_read() and so on: 0, or -1 with errno.
int submit_one(aiocb* control_block, const Submission& submission) noexcept;

// The same for handlers on top of a sleep in which their thread can be cancelled.
inline int submit_shielded(aiocb* control_block, const Submission& submission) {
  return sys::without_cancellation_of_sleep(
      [control_block, &submission] { return submit_one(control_block, submission); });
}

}  // namespace kaio
