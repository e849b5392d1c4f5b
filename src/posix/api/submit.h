// SPDX-License-Identifier: MIT
// From an aiocb to a request on its way: what aio_read, aio_write, their relatives
// and lio_listio have in common.
#pragma once

#include "posix/api/aiocb_cell.h"
#include "posix/process/runtime.h"
#include "sys/cancellation.h"

namespace kaio {

namespace limits {
inline constexpr int reqprio_max = 20;  // AIO_PRIO_DELTA_MAX
}  // namespace limits

struct Submission {
  Opcode opcode = Opcode::read;
  bool vectored = false;
  std::uint16_t rw_flags = 0;
  // When not 0, the request is accepted and ends at once with this error.
  int error_number = 0;
  RequestGroup* group = nullptr;  // already counts the request
  SubmissionBatch* batch = nullptr;
};

enum class Submitted : std::uint8_t {
  accepted,
  // Nothing was queued:
  in_progress,  // as it is already; its status is that of its first use
  invalid,
  no_resources,
};

constexpr int error_of(Submitted outcome) {
  if (outcome == Submitted::accepted) return 0;
  return outcome == Submitted::no_resources ? EAGAIN : EINVAL;
}

// For an element of a list: what is refused says so in its status, unless it is in progress.
Submitted submit(Runtime& runtime, aiocb& control_block, const Submission& submission) noexcept;

// A request that has been made, and is to be refused after all, for want of something.
Submitted take_back(Runtime& runtime, Request& request, const aiocb& control_block) noexcept;

// The body of aio_read() and so on: 0, or -1 with errno.
int submit_one(aiocb* control_block, const Submission& submission) noexcept;

// The same for handlers on top of a sleep in which their thread can be cancelled.
inline int submit_shielded(aiocb* control_block, const Submission& submission) {
  return sys::without_cancellation_of_sleep(
      [control_block, &submission] { return submit_one(control_block, submission); });
}

}  // namespace kaio
