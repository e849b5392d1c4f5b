// SPDX-License-Identifier: MIT
// The way of most reads and writes, in one function: into the ring at once, with nothing to copy
// and nobody to tell, by one of the threads that have a number (Statistics::this_threads_number).
// What it does is what submit.cc and dispatch/submission.cc do, with all that they would ask
// decided by then. Whatever is not so simple goes to them, before anything has begun.
//
// It has no ApiScope, and so does not save errno: nothing here changes it, and what is called
// keeps it.
#include "posix/api/straight.h"

#include "core/kernel/iocb.h"
#include "posix/api/export.h"
#include "posix/api/submit.h"
#include "posix/request/probes.h"
#include "posix/request/submitting_call.h"
#include "sys/size_limit.h"

namespace kaio {
namespace {

template <Opcode opcode>
constexpr Submission plain{.opcode = opcode};

// Of a descriptor whose record is found at once.
[[gnu::always_inline]] inline bool is_straight(Runtime& engine, const aiocb& asked) noexcept {
  return asked.aio_sigevent.sigev_notify == SIGEV_NONE &&
         static_cast<unsigned>(asked.aio_reqprio) <= limits::reqprio_max &&
         asked.aio_nbytes <= limits::bytes_in_a_call_max &&
         engine.fixed_options.route <= Route::kernel && engine.context.takes() &&
         engine.context.ring().usable() && !deferred::must_put_aside() &&
         !engine.dispatcher.somebody_waits_for_a_place();
}

// A place in the ring, a request, and its place on the descriptor.
struct Taken {
  Request* request = nullptr;  // null: not all of them, and so none
  Occupancy::View seen = Occupancy::View::none();
};
template <Opcode opcode>
[[gnu::always_inline]] inline Taken take(Runtime& engine, DescriptorRecord& record,
                                         std::uint32_t thread_number) noexcept {
  Occupancy& occupancy = record.occupancy;
  bool unlimited = false;
  if constexpr (opcode == Opcode::write) {
    // It might be a pipe's, or a socket's, and raise SIGPIPE here.
    if (!engine.context.has_nosignal()) return {};
    const Occupancy::View now = occupancy.now();
    unlimited = now.writes_are_unlimited();
    if (!now.lets_in(false)) return {};
    if (!unlimited && sys::file_size_limit_bytes() != RLIM_INFINITY) return {};
  }
  if (!engine.context.reserve()) return {};
  Request* const request = engine.requests.take_free(thread_number);
  if (request != nullptr) {
    const Occupancy::View seen =
        opcode == Opcode::read ? occupancy.enter_to_read(*request, Attempt::nowait)
                               : occupancy.enter_to_write(*request, Attempt::nowait, unlimited);
    if (!seen.is_none()) return {request, seen};
    engine.requests.free(*request);
  }
  engine.context.unreserve();
  return {};
}

template <Opcode opcode>
[[gnu::always_inline]] inline void fill(Request& request, aiocb& asked) noexcept {
  IoOperation& operation = request.operation;
  operation.buffer = const_cast<void*>(asked.aio_buf);
  operation.size = asked.aio_nbytes;
  operation.offset_bytes = asked.aio_offset;
  operation.fd = asked.aio_fildes;
  operation.rw_flags = 0;
  operation.opcode = opcode;
  operation.vectored = false;
  operation.priority = asked.aio_reqprio & 0x1f;  // is in range
  iocb_of::transfer(request.control, operation, false,
                    RWF_NOWAIT | (opcode == Opcode::write ? iocb_of::rwf_nosignal : 0));
  request.control.data = static_cast<Transfer*>(&request);
  request.done_bytes = 0;
  request.notification.kind = Notification::Kind::none;
  request.cell = &cell_of(asked);
  request.group = nullptr;
}

// A result of the aiocb's last life that nobody took is nobody's now. False: it is in progress.
[[gnu::noinline, gnu::cold]] bool forget_result(Runtime& engine, const aiocb& asked,
                                                std::uint32_t tag) noexcept {
  if (tag == status::tag_in_progress) return false;
  const RequestId id = id_of(asked);
  engine.completer.retrieval().taken(id.slot, id.generation, cell_of(asked));
  return true;
}

// What the call remembers: the request may be over, and another one, as soon as the kernel has it.
struct Remembered {
  std::atomic<std::uint64_t>& submitted;
  std::uint64_t submitted_before;
  Occupancy::View seen;
  std::uint32_t generation;
  std::uint32_t posted;
  int fd;
};

// Whether what the descriptor is may be learnt from what becomes of it.
template <Opcode opcode>
[[gnu::always_inline]] inline bool tells(Occupancy::View seen) noexcept {
  return opcode == Opcode::read && !seen.is_unordered(true);
}

[[gnu::always_inline]] inline void leave(Runtime& engine, const Remembered& remembered) noexcept {
  engine.dispatcher.drain();
  remembered.submitted.store(remembered.submitted_before, std::memory_order_release);
}

// io_submit has not taken it, or somebody has an answer.
template <Opcode opcode>
[[gnu::noinline, gnu::cold]] int go_on(Runtime& engine, DescriptorRecord& record, Request& request,
                                       const Remembered& remembered, int outcome) noexcept {
  const Dispatcher::Given given{.seen = remembered.seen,
                                .generation = remembered.generation,
                                .fd_generation = remembered.seen.fd_generation(),
                                .posted = remembered.posted,
                                .fd = remembered.fd,
                                .reads = opcode == Opcode::read,
                                .tells = tells<opcode>(remembered.seen)};
  const bool accepted = engine.dispatcher.go_on(record, request, given, outcome);
  if (!accepted) take_back(engine, request, *aiocb_of(*request.cell));
  leave(engine, remembered);
  return accepted ? 0 : fail(EAGAIN);
}

template <Opcode opcode>
[[gnu::always_inline]] inline int submit_straight(aiocb* control_block) noexcept {
  aiocb& asked = *control_block;
  StatusCell& cell = cell_of(asked);
  Runtime* const engine = runtime_if_any();
  const std::uint32_t last = cell.word.load(std::memory_order_acquire) & status::tag_mask;
  const std::uint32_t thread_number = Statistics::this_threads_number();
  if (engine == nullptr || !is_straight(*engine, asked) ||
      thread_number >= Statistics::own_shard_count)
    return submit_one(control_block, plain<opcode>);
  if (last != status::tag_taken && !forget_result(*engine, asked, last))
    return submit_one(control_block, plain<opcode>);
  const int fd = asked.aio_fildes;
  DescriptorRecord* const record = engine->requests.descriptors.at_once(fd);
  if (record == nullptr) return submit_one(control_block, plain<opcode>);
  const Taken taken = take<opcode>(*engine, *record, thread_number);
  if (taken.request == nullptr) return submit_one(control_block, plain<opcode>);

  Request& request = *taken.request;
  fill<opcode>(request, asked);
  probes::submit(request, &asked);
  Context& context = engine->context;
  const Ring ring = context.ring();
  const std::uint64_t identity = request.identity();
  std::atomic<std::uint64_t>& submitted = SubmittingCall::of_thread(thread_number);
  const Remembered remembered{.submitted = submitted,
                              .submitted_before = submitted.load(std::memory_order_relaxed),
                              .seen = taken.seen,
                              .generation = static_cast<std::uint32_t>(identity >> 32),
                              .posted = ring.posted(),
                              .fd = fd};
  submitted.store(identity, std::memory_order_release);
  set_id(asked, identity);
  cell.result_bytes = 0;
  cell.word.store(status::in_progress, std::memory_order_release);
  engine->statistics.count(Count::submitted, thread_number);
  engine->statistics.count(Count::io_submit_calls, thread_number);
  request.move_to(TransferState::starting);
  request.move_to(TransferState::in_kernel);
  iocb* list = &request.control;
  const int outcome = context.submit_counted({&list, 1});
  if (outcome != 1) return go_on<opcode>(*engine, *record, request, remembered, outcome);

  if (!ring.empty()) engine->ring_reaper.reap_now();  // perhaps it was done at once
  if (is_over(request, remembered.generation)) {
    engine->statistics.count(Count::at_once, thread_number);
    if (opcode == Opcode::read) engine->dispatcher.learn_from_read(*record, fd, true);
  } else {
    if (ring.posted() != remembered.posted)
      return go_on<opcode>(*engine, *record, request, remembered, outcome);
    if (opcode == Opcode::read) engine->dispatcher.learn_from_read(*record, fd, false);
    // Once more, behind the look at what has come: the slot may be in use again.
    if (tells<opcode>(remembered.seen) && !is_over(request, remembered.generation))
      record->occupancy.know_reads_unordered(remembered.seen.epoch());
  }
  leave(*engine, remembered);
  return 0;
}

}  // namespace

[[gnu::hot]] int read_straight(aiocb* control_block) noexcept {
  return submit_straight<Opcode::read>(control_block);
}

[[gnu::hot]] int write_straight(aiocb* control_block) noexcept {
  return submit_straight<Opcode::write>(control_block);
}

}  // namespace kaio
