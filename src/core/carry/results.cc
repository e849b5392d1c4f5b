// SPDX-License-Identifier: MIT
// What came of an attempt, and what follows from it.
#include "core/carry/carrier.h"
#include "core/no_nowait_report.h"
#include "core/threads/blocking_io.h"
#include "core/threads/stream_io.h"
#include "sys/descriptors.h"

namespace kaio {

Answer Carrier::describe(const Transfer& transfer, std::int32_t answer, bool refused) const {
  return {.attempt = transfer.attempt,
          .answer = answer,
          .refused = refused,
          .plain_is_quick = false,  // unless it is asked for
          .route = route_,
          .opcode = transfer.operation.opcode,
          .remaining_bytes = transfer.operation.remaining_bytes(),
          .offset_bytes = transfer.operation.offset_bytes,
          .done_bytes = transfer.done_bytes,
          .extra_flags = transfer.operation.rw_flags != 0,
          .is_stream = transfer.is_stream,
          .retried = transfer.retried};
}

Started Carrier::process_result(Transfer& transfer, std::int32_t answer, bool refused, By by) {
  if (transfer.attempt == Attempt::readiness) return process_readiness(transfer, answer);
  transfer.tried = true;
  if (transfer.operation.is_sync()) {
    if (refused && (answer == -ENOSYS || answer == -EPERM || answer == -EACCES))
      return act(transfer, {.step = Step::give_up_kernel, .error_number = -answer}, by);
    // io_submit refuses what has no fsync, and a descriptor that is not open.
    finish(transfer, answer < 0 ? -answer : 0);
    return Started::yes;
  }
  const bool is_short =
      answer > 0 && static_cast<std::size_t>(answer) < transfer.operation.remaining_bytes();
  if (is_short && by == By::later && !owner_.knows_file_of(transfer)) {
    // The number may be another file's by now, and nobody could tell. Mostly the file ends there.
    transfer.done_bytes += answer;
    finish(transfer, 0);
    return Started::yes;
  }
  if (answer > 0) {
    const std::size_t taken_bytes = whole_blocks(transfer, static_cast<std::size_t>(answer));
    transfer.done_bytes += static_cast<std::int64_t>(taken_bytes);
    transfer.operation.advance(taken_bytes);
    if (taken_bytes == 0) return less_than_a_block(transfer, by);
    transfer.retried = false;
  }
  Answer facts = describe(transfer, answer, refused);
  const bool final = is_final(facts);
  if (!final) owner_.leaves_ring(transfer);
  owner_.result_is_looked_at(transfer, final, by);
  if (final) return act(transfer, judge(facts, {}, false), by);
  const FileFacts file = owner_.facts_of(transfer);
  DescriptorTraits traits = file.traits;
  const IoOperation& operation = transfer.operation;
  if (traits.is_stream() && answer != -EOPNOTSUPP)
    traits.non_blocking = is_non_blocking(operation.fd, traits);
  if (answer == -EOPNOTSUPP) facts.plain_is_quick = plain_is_quick(transfer, file, by);
  // Not of a file that has got the number meanwhile.
  if (asks_for_pages(facts, traits) && (by == By::submitter || !is_abandoned(transfer)))
    facts.pages = clear_the_way(operation.fd, operation.offset_bytes, facts.remaining_bytes,
                                operation.is_read());
  return act(transfer, judge(facts, traits, ends_with_file(transfer, traits, answer)), by);
}

// How much of what a short direct transfer transferred counts: it goes on at a place where a
// direct transfer can, and does a part of a block again. All, if it ends there with its file.
std::size_t Carrier::whole_blocks(Transfer& transfer, std::size_t answer_bytes) {
  if (answer_bytes >= transfer.operation.remaining_bytes()) return answer_bytes;
  const FileFacts facts = owner_.facts_of(transfer);
  if (facts.direct_bytes == 0) return answer_bytes;
  const std::size_t rest_bytes = answer_bytes % facts.direct_bytes;
  const std::int64_t end_bytes =
      transfer.operation.offset_bytes + static_cast<std::int64_t>(answer_bytes);
  const bool ends = rest_bytes == 0 ||
                    (transfer.operation.is_read() && facts.traits.kind == DescriptorKind::regular &&
                     ends_file(transfer.operation.fd, end_bytes));
  return ends ? answer_bytes : answer_bytes - rest_bytes;
}

// Once more, and no third time in a row.
Started Carrier::less_than_a_block(Transfer& transfer, By by) {
  if (transfer.retried) {
    finish(transfer, EIO);
    return Started::yes;
  }
  transfer.retried = true;
  statistics_.count(Count::reason_short);
  return transfer.attempt == Attempt::pool_io
             ? to_pool(transfer, Attempt::pool_io)
             : owner_.submit_by_kernel(transfer, Attempt::nowait, by, nullptr);
}

bool Carrier::ends_with_file(const Transfer& transfer, const DescriptorTraits& traits,
                             std::int32_t answer) {
  return answer > 0 && transfer.operation.is_read() && traits.kind == DescriptorKind::regular &&
         ends_file(transfer.operation.fd, transfer.operation.offset_bytes);
}

Started Carrier::process_readiness(Transfer& transfer, std::int32_t answer) {
  // The number may have become another file while it waited.
  if (answer == -EBADF || is_abandoned(transfer)) {
    owner_.abandon(transfer);
    return Started::yes;
  }
  if (answer == Transfer::no_thread) return Started::no_threads;
  if (answer < 0) {
    if (answer == Transfer::time_is_up) answer = transfer.result_at_deadline();
    owner_.complete(transfer, -answer);
    return Started::yes;
  }
  transfer.is_stream = true;
  transfer.retried = true;
  // The ring would take the memory that the deadline is in.
  if (route_ == Route::pool || !context_.available() || transfer.has_deadline() ||
      owner_.facts_of(transfer).traits.refuses_nowait(transfer.operation.is_read()))
    return to_pool(transfer, Attempt::pool_io);
  return owner_.submit_by_kernel(transfer, Attempt::nowait, By::later, nullptr);
}

Started Carrier::act(Transfer& transfer, const Verdict& verdict, By by) {
  if (verdict.reason != Count::size) statistics_.count(verdict.reason);
  if (verdict.mark_stream) transfer.is_stream = true;
  if (verdict.expect_block) owner_.expect(transfer, true);
  if (verdict.mark_no_nowait) {
    const FileFacts facts = owner_.facts_of(transfer);
    if (facts.traits.direct && !no_nowait_devices_.contains(facts.device)) {
      no_nowait_devices_.insert(facts.device);
      // Once for each: those that the set has no room for are not told of.
      if (!facts.traits.is_stream() && no_nowait_devices_.contains(facts.device))
        report_no_nowait(transfer.operation.fd, facts.device);
    }
    owner_.refuses_nowait(transfer);
  }
  switch (verdict.step) {
    case Step::finish:
      // It may be for the file that has its number now not to wait.
      if (verdict.error_number == EAGAIN && by == By::later && is_abandoned(transfer)) {
        owner_.abandon(transfer);
      } else {
        finish(transfer, verdict.error_number);
      }
      return Started::yes;
    case Step::again:
      if (by == By::later && is_abandoned(transfer)) {
        owner_.abandon(transfer);
        return Started::yes;
      }
      if (transfer.attempt == Attempt::pool_io) return to_pool(transfer, Attempt::pool_io);
      return owner_.submit_by_kernel(transfer, Attempt::nowait, by, nullptr);
    case Step::again_soon:
      if (by == By::later && is_abandoned(transfer)) {
        owner_.abandon(transfer);
        return Started::yes;
      }
      transfer.retried = true;
      return owner_.submit_by_kernel(transfer, Attempt::nowait, by, nullptr);
    case Step::wait_ready:
      transfer.is_stream = true;
      return wait_ready(transfer, by);
    case Step::hold:
      return owner_.hold(transfer) ? Started::yes : to_pool(transfer, Attempt::pool_submit);
    case Step::submit_plain:
      return submit_plain(transfer, owner_.facts_of(transfer).device, by);
    case Step::pool_submit:
      return to_pool(transfer, Attempt::pool_submit);
    case Step::pool_io:
      if (verdict.mark_no_nowait && waits_first(transfer, owner_.facts_of(transfer))) {
        transfer.is_stream = true;
        return wait_ready(transfer, by);
      }
      return to_pool_io(transfer, by);
    case Step::give_up_kernel:
      // A filter refuses every io_submit, a file only its own.
      if (context_.submit({}) >= 0) {
        finish(transfer, verdict.error_number);
        return Started::yes;
      }
      context_.give_up(verdict.error_number);
      return start(transfer, by);
  }
  return Started::yes;
}

void Carrier::finish(Transfer& transfer, int error_number) {
  statistics_.count(transfer.attempt == Attempt::pool_io ? Count::by_pool : Count::by_kernel);
  owner_.complete(transfer, error_number);
}

// What takes several calls goes by a number that stays what it is. Nothing: the transfer's own
// number has become another file.
std::optional<std::int32_t> Carrier::attempt_on_stream(const Transfer& transfer,
                                                       const FileFacts& facts) {
  const DescriptorKind kind = facts.traits.kind;
  if (kind == DescriptorKind::socket) return stream_io::attempt(transfer.operation, kind);
  const sys::Duplicate duplicate(transfer.operation.fd);
  if (!duplicate.exists()) return stream_io::attempt(transfer.operation, kind);
  if (facts.traits.known() && !is_same_file(duplicate.fd(), facts.device, facts.inode))
    return std::nullopt;
  IoOperation operation = transfer.operation;
  operation.fd = duplicate.fd();
  return stream_io::attempt(operation, kind);
}

// In a thread of the pool. The number may have become another file while it waited in the queue.
std::optional<std::int32_t> Carrier::perform(Transfer& transfer) {
  const std::optional<FileFacts> facts = owner_.facts_if_same_file(transfer);
  if (!facts) {
    owner_.abandon(transfer);
    return std::nullopt;
  }
  learn_whether_it_locks(transfer, *facts);
  if (transfer.attempt == Attempt::pool_submit) {
    statistics_.count(Count::submitted_by_pool);
    if (submit_plain(transfer, facts->device, By::later) == Started::no_threads)
      owner_.complete(transfer, EAGAIN);
    return std::nullopt;
  }
  if (transfer.operation.is_sync()) return blocking_io::perform(transfer.operation);
  if (!transfer.is_stream && !facts->traits.is_stream())
    return blocking_io::perform(transfer.operation);
  const std::optional<std::int32_t> attempted = attempt_on_stream(transfer, *facts);
  if (!attempted) {
    owner_.abandon(transfer);
    return std::nullopt;
  }
  const std::int32_t answer = *attempted;
  if (answer != stream_io::ends_with_eagain) return answer;
  transfer.move_to(TransferState::starting);
  finish(transfer, transfer.done_bytes > 0 ? 0 : EAGAIN);
  return std::nullopt;
}

}  // namespace kaio
