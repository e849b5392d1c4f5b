// SPDX-License-Identifier: MIT
// The ways other than straight into the ring: a wait for readiness, and the pool.
#include <linux/fs.h>

#include "core/carry/carrier.h"

namespace kaio {

Started Carrier::start_once_more(Transfer& transfer) {
  if (is_abandoned(transfer)) {
    owner_.abandon(transfer);
    return Started::yes;
  }
  switch (transfer.attempt) {
    case Attempt::pool_io:
    case Attempt::pool_submit:
      return to_pool(transfer, transfer.attempt);
    case Attempt::readiness:
      return wait_ready(transfer, By::later);
    default:
      return start(transfer, By::later);
  }
}

// How each kind of stream waits: core/descriptor_kind.h.
Started Carrier::wait_ready(Transfer& transfer, By by) {
  const TransferOwner::Life life = owner_.life_of(transfer);
  const DescriptorKind kind = owner_.facts_of(transfer).traits.kind;
  if (!transfer.retried) {
    transfer.set_watch_count(0);
    limit_wait(transfer, kind);
  } else if (kind == DescriptorKind::socket && transfer.operation.is_read() &&
             is_shut_for_reading(transfer.operation.fd)) {
    // Of datagrams: a call that may not wait says only that there is nothing.
    finish(transfer, 0);
    return Started::yes;
  }
  // One that was ready for nothing waits there where it is told when that changes.
  const bool in_kernel = route_ != Route::pool && waits_in_kernel(kind) && !transfer.retried &&
                         !transfer.has_deadline();
  if (!in_kernel || !owner_.poll_by_kernel(transfer)) {
    transfer.attempt = Attempt::readiness;
    if (!readiness_.start(transfer)) return Started::no_threads;
  }
  if (by == By::later) owner_.wait_has_begun(transfer, life);
  return Started::yes;
}

void Carrier::limit_wait(Transfer& transfer, DescriptorKind kind) {
  const WaitLimit limit = wait_limit(transfer.operation.fd, kind, transfer.operation.is_read());
  if (limit.limit_ns > 0) {
    transfer.set_deadline(sys::monotonic_ns() + limit.limit_ns, limit.result);
  } else {
    transfer.clear_deadline();
  }
}

Started Carrier::to_pool(Transfer& transfer, Attempt attempt) {
  transfer.attempt = attempt;
  owner_.leaves_ring(transfer);
  const FileFacts facts = owner_.facts_of(transfer);
  transfer.set_file(facts.device, file_access_of(transfer, facts));
  return threads_.start(transfer) ? Started::yes : Started::no_threads;
}

// Whether a read had better not be tried first where only a thread can do that: many that
// are blocked must not take many threads.
bool Carrier::waits_first(const Transfer& transfer, const FileFacts& facts) {
  const IoOperation& operation = transfer.operation;
  const DescriptorTraits& traits = facts.traits;
  return operation.is_read() && waits_in_kernel(traits.kind) && traits.readable &&
         operation.remaining_bytes() != 0 && !is_non_blocking(operation.fd, traits) &&
         poll_tells_all(operation.fd, facts);
}

// If it is a stream's, it may have to wait afterwards. The call that submits it is the last
// chance to say that there is no thread to do that.
Started Carrier::to_pool_io(Transfer& transfer, By by) {
  if (by == By::submitter && !transfer.operation.is_sync()) {
    const DescriptorTraits traits = owner_.facts_of(transfer).traits;
    const bool by_kernel =
        waits_in_kernel(traits.kind) && route_ != Route::pool && context_.available();
    if (traits.is_stream() && !traits.non_blocking && !by_kernel && !readiness_.can_start())
      return Started::no_threads;
  }
  return to_pool(transfer, Attempt::pool_io);
}

// Buffered writes, and those that extend their file, hold its lock all the time. (Until a
// buffered one is durable it waits without, and several by one commit. A device is written
// by several at once.)
FileAccess Carrier::file_access_of(const Transfer& transfer, const FileFacts& facts) const {
  const IoOperation& operation = transfer.operation;
  if (!operation.is_write()) return FileAccess::shared;
  const DescriptorTraits& traits = facts.traits;
  if (traits.kind != DescriptorKind::regular) return FileAccess::shared;
  const bool durable = traits.synchronous || (operation.rw_flags & (RWF_DSYNC | RWF_SYNC)) != 0;
  const bool holds = traits.direct ? transfer.attempt == Attempt::pool_submit : !durable;
  return holds && locking_devices_.contains(facts.device) ? FileAccess::exclusive
                                                          : FileAccess::shared;
}

// In a pool thread, as the question may be one to a server: the first writes to a device
// share their file.
void Carrier::learn_whether_it_locks(const Transfer& transfer, const FileFacts& facts) {
  if (!transfer.operation.is_write() || facts.traits.kind != DescriptorKind::regular ||
      locking_devices_.contains(facts.device) || other_devices_.contains(facts.device))
    return;
  const bool locks = locks_file_to_write(transfer.operation.fd);
  (locks ? locking_devices_ : other_devices_).insert(facts.device);
}

// A write that extends its file may take long where others do not.
bool Carrier::plain_is_quick(const Transfer& transfer, const FileFacts& facts, By by) const {
  const IoOperation& operation = transfer.operation;
  const std::size_t size_bytes = operation.remaining_bytes();
  if (by != By::submitter || !facts.traits.direct || size_bytes > limits::bytes_in_a_call_max ||
      !plain_speed_.is_quick(facts.device, operation.is_read()))
    return false;
  std::int64_t end_bytes = 0;
  return operation.is_read() || facts.traits.kind != DescriptorKind::regular ||
         (!appends(operation, facts.traits) &&
          !__builtin_add_overflow(operation.offset_bytes, size_bytes, &end_bytes) &&
          !ends_file(operation.fd, end_bytes - 1));
}

Started Carrier::submit_plain(Transfer& transfer, std::uint32_t device, By by) {
  const bool to_read = transfer.operation.is_read();
  const std::int64_t begin_ns = sys::monotonic_ns();
  const Started started = owner_.submit_by_kernel(transfer, Attempt::plain, by, nullptr);
  if (started == Started::yes) plain_speed_.took(device, to_read, sys::monotonic_ns() - begin_ns);
  return started;
}

}  // namespace kaio
