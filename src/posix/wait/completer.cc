// SPDX-License-Identifier: MIT
#include "posix/wait/completer.h"

#include <climits>

#include "posix/request/probes.h"
#include "sys/errno_kept.h"

namespace kaio {
namespace {

constexpr std::int64_t retry_ns = 1'000'000;

// Nobody but the threads that run callbacks has to know of the end.
bool concerns_only_callbacks(const Notification& notification) noexcept {
  return notification.kind == Notification::Kind::none || notification.is_callback();
}
bool concerns_only_callbacks(const Request& request) noexcept {
  return concerns_only_callbacks(request.notification) &&
         (request.group == nullptr || concerns_only_callbacks(request.group->notification));
}

}  // namespace

// What is left of it when all that it alone has to tell have been told.
inline void Completer::keep_result(Request& request) noexcept {
  const std::uint32_t generation = request.generation();
  const Retrieval::Kept kept = retrieval_.keep(request, generation);
  if (kept != Retrieval::Kept::here) settle_result(request, generation, kept);
}

[[gnu::noinline]] void Completer::settle_result(Request& request, std::uint32_t generation,
                                                Retrieval::Kept kept) noexcept {
  retrieval_.settle(request, generation, kept);
  // Whoever waits for this request, or for its list, has been woken for that.
  if (has_takers()) announce_result();
}

inline void Completer::publish(Request& request, std::int64_t result) {
  StatusCell* cell = request.cell;
  statistics_.count(Count::completed);
  if (result == -ECANCELED) statistics_.count(Count::cancelled);
  cell->result_bytes = result < 0 ? -1 : result;
  const int error_number = result < 0 ? static_cast<int>(-result) : 0;
  // release pairs with the acquire in aio_error(): whoever sees the status sees the
  // result and the data. seq_cst besides, because sleepers_ is read after it.
  const std::uint32_t before =
      cell->word.exchange(status::done(error_number), std::memory_order_seq_cst);
  // An address only: the cell itself may be gone.
  if (before != status::in_progress) wake_waiters(&cell->word, before);
  wake_sleepers();
}

void Completer::publish_refusal(StatusCell& cell, int error_number) noexcept {
  cell.result_bytes = -1;
  // As in publish(); what is no status of a request in progress has no marks.
  const std::uint32_t before =
      cell.word.exchange(status::done(error_number), std::memory_order_seq_cst);
  if (!status::is_in_progress(before)) return;
  if (before != status::in_progress) wake_waiters(&cell.word, before);
  wake_sleepers();
}

// Its own notification has been sent, or it has none.
inline void Completer::told(Request& request) {
  RequestGroup* group = request.group;
  keep_result(request);
  if (group != nullptr) count_down(*group);
}

// The same as below, where nobody but the caller's cell has to be told: without a call, and so
// with nothing to save. As soon as that is not so, it goes on elsewhere.
void Completer::complete_transfer(Request& request, std::int64_t bytes) {
  DescriptorRecord* const record = requests_.descriptors.at_once(request.operation.fd);
  const std::uint32_t number = Statistics::this_threads_number();
  if (record == nullptr || request.listed || request.group != nullptr ||
      request.notification.kind != Notification::Kind::none ||
      number >= Statistics::own_shard_count)
    return complete_counted(request, bytes);
  Statistics& statistics = statistics_;
  statistics.count(Count::by_kernel, number);
  statistics.count(Count::completed, number);
  probes::complete(request, bytes);
  const bool to_detach = record->occupancy.leave_unlisted(request);
  request.done_bytes = bytes;
  StatusCell& cell = *request.cell;
  cell.result_bytes = bytes;
  // As in publish().
  const std::uint32_t before = cell.word.exchange(status::done(0), std::memory_order_seq_cst);
  if (before != status::in_progress || to_detach || sleepers_.load(std::memory_order_seq_cst) != 0)
    return end_published(request, before, cell.word, to_detach ? record : nullptr);
  request.move_to(TransferState::finished);
  keep_result(request);
}

[[gnu::noinline]] void Completer::complete_counted(Request& request, std::int64_t bytes) {
  const sys::ErrnoKept errno_kept;
  statistics_.count(Count::by_kernel);
  complete(request, bytes);
}

// `record`: where it has to be detached.
[[gnu::noinline]] void Completer::end_published(Request& request, std::uint32_t before,
                                                const sys::FutexWord& word,
                                                DescriptorRecord* record) {
  const sys::ErrnoKept errno_kept;
  if (before != status::in_progress) wake_waiters(&word, before);
  wake_sleepers();
  request.move_to(TransferState::finished);
  if (record == nullptr || order::detach_or_leave(*record, request)) keep_result(request);
}

void Completer::complete(Request& request, std::int64_t result) {
  probes::complete(request, result);
  // None for a negative number, which nothing can be outstanding on.
  DescriptorRecord* record = requests_.descriptors.at(request.operation.fd);
  // Unlisted ones only come to the record when somebody waits for their end.
  const bool to_detach = record != nullptr && (record->occupancy.leave(request) || request.listed);
  // For aio_waitcomplete(): the aiocb may be gone by then.
  request.done_bytes = result;
  publish(request, result);
  // Not before: whoever cancels takes `finished` to mean that the status is there.
  request.move_to(TransferState::finished);
  if (request.group != nullptr) return complete_grouped(request, to_detach ? record : nullptr);
  if (to_detach && !order::detach_or_leave(*record, request)) return;
  request.notification.kind == Notification::Kind::none ? keep_result(request) : send(request);
}

// The rest of it. `record`: where it has to be detached.
void Completer::complete_grouped(Request& request, DescriptorRecord* record) {
  RequestGroup& group = *request.group;
  if (request.done_bytes < 0)
    group.failed.store(true, std::memory_order_relaxed);  // count_down orders
  if (!group.is_told()) {
    // A caller that waits may leave with the last one, and the group may be another list's
    // when this request's own notification has been sent.
    request.group = nullptr;
    count_down(group);
  }
  if (record != nullptr && !order::detach_or_leave(*record, request)) return;
  request.notification.kind == Notification::Kind::none ? told(request) : send(request);
}

// `last`: the status before the end.
void Completer::wake_waiters(const sys::FutexWord* word, std::uint32_t last) noexcept {
  if ((last & status::waiter) != 0) sys::futex_wake(word, INT_MAX);
  const std::uint32_t number = last & status::error_mask;
  if (number != status::unannounced) event_counts_.announce(number);
  ring_reaper_.wake_leader();
}

bool Completer::wake_all_sleepers() noexcept {
  ring_reaper_.leader_word().fetch_add(1, std::memory_order_seq_cst);
  sys::futex_wake(&ring_reaper_.leader_word(), INT_MAX);
  ring_reaper_.wake_leader();
  return true;
}

void Completer::count_down(RequestGroup& group) {
  // acq_rel: the last one has seen everything the others did.
  if (group.remaining.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  group.all_done.store(1, std::memory_order_seq_cst);
  sys::futex_wake(&group.all_done, INT_MAX);
  // Once more: a thread that was woken for the last request may have looked before the list was
  // done.
  if (!wake_sleepers()) ring_reaper_.wake_leader();
  send(group);
}

void Completer::drop(RequestGroup& group) noexcept {
  if (group.references.fetch_sub(1, std::memory_order_acq_rel) == 1) requests_.groups.free(group);
}

void Completer::send(Notifiable& item) {
  if (item.notification.kind == Notification::Kind::none) return sent(item);
  if (!notifier_.send(item)) wants_retry();
}

void Completer::wants_retry() { reaper_thread_.wake(); }

void Completer::reap() {
  ring_reaper_.reap();
  sink_.drain();
}

int Completer::doorbell_for(const Request& request) {
  const int of_callbacks = concerns_only_callbacks(request) ? notifier_.callbacks().doorbell() : -1;
  return of_callbacks >= 0 ? of_callbacks : reaper_thread_.doorbell_lately();
}

void Completer::doubt_doorbell_for(const Request& request) {
  ring_reaper_.context().doorbell().doubt();
  if (concerns_only_callbacks(request)) notifier_.callbacks().doubt_doorbell();
}

void Completer::sent(Notifiable& item) {
  if (item.notification.kind != Notification::Kind::none) notifier_.settle(item.notification);
  if (item.notification.of_list) {
    drop(static_cast<RequestGroup&>(item));
  } else {
    told(static_cast<Request&>(item));
  }
}

void Completer::announce_result() noexcept {
  results_.fetch_add(1, std::memory_order_seq_cst);
  if (sleeping_takers_.load(std::memory_order_seq_cst) != 0 && sys::futex_wake(&results_, 1) != 0)
    return;
  // Costs a system call only while another thread leads: a leader that finds the event
  // itself is not wakeable then.
  if (!wake_sleepers()) ring_reaper_.wake_leader();
}

std::int64_t Completer::try_again() {
  const bool callbacks_run = notifier_.callbacks().ensure_queue_runs();
  return notifier_.direct().try_again() && callbacks_run ? sys::forever : retry_ns;
}

}  // namespace kaio
