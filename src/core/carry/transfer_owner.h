// SPDX-License-Identifier: MIT
// What the core asks of whoever uses it: whose a transfer's file is, how it gets into the
// kernel's ring, in which order, and who is told of its end.
#pragma once

#include <optional>

#include "core/carry/submission_batch.h"
#include "core/file_facts.h"
#include "core/transfer.h"

namespace kaio {

// What a step led to, for the submitter, which can still refuse the request.
enum class Started : std::uint8_t { yes, no_threads, ring_full };

// Who acts: the call that submits, or any thread later.
enum class By : bool { submitter, later };

// Thread-safe, as far as the owner lets several threads act.
class TransferOwner {
 public:
  // The transfer is over, with done_bytes; and why it went no further, or 0. Once; nothing of the
  // core's touches it afterwards.
  virtual void complete(Transfer& transfer, int error_number) = 0;
  // Its file is not there any more: ends it, with what has been done until then.
  virtual void abandon(Transfer& transfer) = 0;

  // By the ring: `attempt` nowait, plain or kernel_sync. What the kernel answers comes back by
  // Carrier::process_result(). With a batch it may be added to that.
  virtual Started submit_by_kernel(Transfer& transfer, Attempt attempt, By by,
                                   SubmissionBatch* batch) = 0;
  // A wait for readiness by the ring. False: not this way, and nothing done.
  virtual bool poll_by_kernel(Transfer& transfer) = 0;
  // The device had no room: keeps it until another transfer of the descriptor ends, and starts it
  // again then. False: there is no other.
  virtual bool hold(Transfer& transfer) = 0;

  // What is known of the transfer's file, asked of the kernel if nothing is.
  virtual FileFacts facts_of(Transfer& transfer) = 0;
  // The same. Nothing: the number of its descriptor has become another file's.
  virtual std::optional<FileFacts> facts_if_same_file(Transfer& transfer) = 0;
  // False: the call that submitted the transfer may have returned without noting which file it is
  // for, so that nothing can be said of what has the number now.
  virtual bool knows_file_of(Transfer& transfer) = 0;
  // RWF_NOWAIT was refused for its file, in its direction.
  virtual void refuses_nowait(const Transfer& transfer) = 0;
  // A guess: the next one of its file, in its direction, would block, or would not.
  virtual void expect(const Transfer& transfer, bool blocks) = 0;

  // A result has come that is no whole transfer's, and will end it, or not.
  virtual void result_is_looked_at(Transfer& transfer, bool is_final, By by) = 0;
  // A result has come that does not end it; or it goes to a thread, for transfer.attempt. The
  // number of its descriptor may be used after the call that submitted it.
  virtual void leaves_ring(Transfer& transfer) = 0;

  // A wait for readiness may be over, and the transfer another one, before wait_has_begun().
  struct Life {
    int fd;
    std::uint32_t generation;
  };
  virtual Life life_of(const Transfer& transfer) = 0;
  virtual void wait_has_begun(Transfer& transfer, Life life) = 0;

 protected:
  ~TransferOwner() = default;
};

}  // namespace kaio
