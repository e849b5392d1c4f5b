// SPDX-License-Identifier: MIT
// What is tried first.
#include <linux/fs.h>

#include "core/carry/carrier.h"
#include "sys/size_limit.h"

namespace kaio {

FileFacts Carrier::ask_facts(int fd) const noexcept {
  FileFacts facts = read_traits(fd);
  if (facts.traits.direct)
    facts.traits.refuses_nowait_reads = facts.traits.refuses_nowait_writes =
        no_nowait_devices_.contains(facts.device);
  return facts;
}

Started Carrier::start(Transfer& transfer, By by, SubmissionBatch* batch, const KnownFile& known) {
  if (route_ == Route::pool || !context_.available()) {
    if (route_ != Route::pool) statistics_.count(Count::reason_unavailable);
    return start_without_kernel(transfer, by);
  }
  if (transfer.operation.is_sync())
    return owner_.submit_by_kernel(transfer, Attempt::kernel_sync, by, batch);

  DescriptorTraits traits = known.traits;
  // Asked for only where the first attempt depends on it: a write of which nobody
  // knows whether it may raise SIGPIPE, and the option to wait first.
  if (route_ == Route::poll || (transfer.operation.is_write() && !context_.has_nosignal())) {
    const FileFacts facts = owner_.facts_of(transfer);
    traits = facts.traits;
    transfer.is_stream = traits.is_stream();
    if (route_ == Route::poll && !transfer.tried && waits_first(transfer, facts))
      return wait_ready(transfer, by);
  }
  // The call, or whoever reaps, would copy all of it if it is cached.
  if (!traits.known() && transfer.operation.remaining_bytes() > limits::bytes_in_a_call_max)
    traits = owner_.facts_of(transfer).traits;
  if (copies_too_much(transfer, traits, batch))
    return to_pool(transfer, route_ == Route::kernel ? Attempt::pool_submit : Attempt::pool_io);
  // The kernel sends SIGXFSZ to whoever submits such a write: not to the caller.
  if (may_exceed_size_limit(transfer)) return to_pool(transfer, Attempt::pool_io);
  transfer.attempt = Attempt::nowait;
  if (traits.refuses_nowait(transfer.operation.is_read()))
    return start_without_nowait(transfer, traits, by);
  // An attempt that fails costs: a cold read, for example, begins its readahead.
  const std::uint8_t blocks = transfer.operation.is_read() ? known.reads_block : known.writes_block;
  if (blocks != 0) {
    if (!traits.known()) traits = owner_.facts_of(transfer).traits;
    if (would_block(transfer, traits)) {
      Answer answer = describe(transfer, -EAGAIN, false);
      answer.retried = true;
      Verdict verdict = judge(answer, traits, false);
      if (blocks == surely_blocks) verdict.expect_block = false;  // is expected already
      return act(transfer, verdict, by);
    }
  }
  return owner_.submit_by_kernel(transfer, Attempt::nowait, by, batch);
}

Started Carrier::start_without_nowait(Transfer& transfer, const DescriptorTraits& traits, By by) {
  Answer answer = describe(transfer, -EOPNOTSUPP, true);
  if (traits.direct)
    answer.plain_is_quick = plain_is_quick(transfer, owner_.facts_of(transfer), by);
  return act(transfer, judge(answer, traits, false), by);
}

// What a stream copies is bounded by its buffers. Nothing else than what is known of lists.
bool Carrier::copies_too_much(const Transfer& transfer, const DescriptorTraits& traits,
                              SubmissionBatch* batch) {
  if (!traits.known() || traits.direct || traits.is_stream()) return false;
  const std::size_t size_bytes = transfer.operation.remaining_bytes();
  return batch != nullptr ? !batch->has_room_for(transfer.operation.fd, size_bytes)
                          : size_bytes > limits::bytes_in_a_call_max;
}

bool Carrier::may_exceed_size_limit(const Transfer& transfer) const {
  const IoOperation& operation = transfer.operation;
  if (!operation.is_write()) return false;
  const std::uint64_t limit_bytes = sys::file_size_limit_bytes();
  if (limit_bytes == RLIM_INFINITY) return false;
  // Anew: what is known may be of another file, which had the number before.
  const DescriptorTraits traits = ask_facts(operation.fd).traits;
  if (has_no_size_limit(traits.kind)) return false;
  if (operation.offset_bytes < 0 || appends(operation, traits)) return true;
  return static_cast<std::uint64_t>(operation.offset_bytes) + operation.remaining_bytes() >
         limit_bytes;
}

// Looks closer at a transfer whose predecessors would have blocked: at what is not
// cached, and at writes that no file system does without blocking, or that extend.
bool Carrier::would_block(const Transfer& transfer, const DescriptorTraits& traits) {
  const IoOperation& operation = transfer.operation;
  const std::size_t size_bytes = operation.remaining_bytes();
  bool blocks = false;
  if (traits.kind == DescriptorKind::regular) {
    if (operation.is_write()) {
      std::int64_t end_bytes = 0;
      const bool too_far = __builtin_add_overflow(operation.offset_bytes, size_bytes, &end_bytes);
      blocks = !traits.direct || appends(operation, traits) || too_far ||
               ends_file(operation.fd, end_bytes - 1);
    } else if (!traits.direct) {
      const Residency range = residency(operation.fd, operation.offset_bytes, size_bytes);
      blocks = range.can_tell && !range.all_cached;
    }
  }
  if (!blocks) owner_.expect(transfer, false);
  return blocks;
}

Started Carrier::start_without_kernel(Transfer& transfer, By by) {
  if (transfer.operation.is_sync()) return to_pool(transfer, Attempt::pool_io);
  const FileFacts facts = owner_.facts_of(transfer);
  transfer.is_stream = facts.traits.is_stream();
  return waits_first(transfer, facts) ? wait_ready(transfer, by) : to_pool_io(transfer, by);
}

}  // namespace kaio
