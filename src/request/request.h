// SPDX-License-Identifier: MIT
// One request, from acceptance to the end of its notification.
//
// State says who may touch the request next, and who may end it:
//
//   state      whose                      left by
//   free       the slab                   posix/: fills it in            -> starting
//   starting   the dispatching thread     route/: the decision           -> any below
//   held       its descriptor record      a predecessor's end            -> starting
//   backlog    the kernel backlog         a free ring slot               -> starting
//   in_kernel  the kernel                 its completion event           -> starting, finished
//   polling    the kernel (IOCB_CMD_POLL) its completion event           -> starting, finished
//   watched    the watcher (epoll)        readiness                      -> starting, finished
//   queued     the pool queue, or a lane  a worker                       -> running
//   running    a worker                   the end of the call            -> starting, finished
//   finished   complete/ and notify/      the end of its notification    -> free
//
// held, backlog, queued, and reads in polling or watched can be cancelled: the
// canceller takes the request out of the container, under the container's lock;
// who got it out completes it. A polling one is taken from its poll by changing its
// state; the kernel's event, which comes all the same, and late on a busy machine,
// then finds nothing to do. Until then the slot is not used again (KernelPoll).
//
// The struct is 192 bytes and a descriptor record 64, so that a request costs at
// most 256 bytes of ours even when it is the only one of its descriptor.
#pragma once

#include <atomic>
#include <cassert>
#include <libaio.h>

#include "request/notification.h"
#include "request/operation.h"
#include "request/status_cell.h"

namespace kaio {

struct RequestGroup;

enum class RequestState : std::uint8_t {
  free,
  starting,
  held,
  backlog,
  in_kernel,
  polling,
  watched,
  queued,
  running,
  finished,
};

// What is being attempted, so that the answer can be understood.
enum class Attempt : std::uint8_t {
  none,
  nowait,       // kernel AIO with RWF_NOWAIT
  plain,        // kernel AIO without: may have blocked whoever submitted it
  kernel_sync,  // IOCB_CMD_FSYNC, IOCB_CMD_FDSYNC
  readiness,    // IOCB_CMD_POLL, or the watcher
  pool_io,      // the transfer itself, by a pool thread
  pool_submit,  // io_submit that may block, by a pool thread
};

// Whether the kernel holds a poll that will bring an event for this slot.
enum class KernelPoll : std::uint8_t {
  none,
  pending,
  orphaned,  // and the request is over: the event frees the slot
};

// In the lane of its descriptor (pool/lanes.h).
enum class LanePart : std::uint8_t { none, has, waits };

// How far it has come; all false when it is made.
struct Progress {
  Attempt attempt : 3 = Attempt::none;
  bool tried : 1 = false;      // has been attempted: may have had an effect
  bool retried : 1 = false;    // was held once because the device was full; of a stream:
                               // was found ready, and nothing has been transferred since
  bool pushed : 1 = false;     // its completion rings a doorbell
  bool is_stream : 1 = false;  // known to be: the offset is ignored
  bool has_turn : 1 = false;   // the one that others of its direction wait for
  // Apart, because others read them, with the record's mutex, while the above changes.
  std::uint8_t : 0;
  std::uint8_t era : 7 = 0;  // of its descriptor record when it was made
  bool listed : 1 = false;   // in its descriptor record's list (request/occupancy.h)
};

struct Request : Notifiable, Progress {
  std::atomic<RequestState> state{RequestState::free};
  std::atomic<KernelPoll> poll{KernelPoll::none};
  std::uint32_t slot = 0;  // its index in the slab; constant

  Request* previous = nullptr;      // with Notifiable::next: whichever queue it is in
  Request* all_next = nullptr;      // the record's list of everything outstanding,
  Request* all_previous = nullptr;  // in call order

  Operation operation;
  std::int64_t done_bytes = 0;
  StatusCell* cell = nullptr;
  RequestGroup* group = nullptr;

  std::atomic<std::uint32_t> next_free{0};  // the slab's, while free; else watch_count()

  // Counts the lives of the slot, and who may still take the result of this one
  // (request/requests.h, complete/retrieval.h). Never 0, which a zeroed aiocb holds.
  std::atomic<std::uint32_t> claim{4};

  // What the last attempt was answered, between the answer and its judgement:
  // bytes, or a negative error number. It shares the memory of the iocb that was
  // answered.
  std::int32_t answer() const noexcept { return static_cast<std::int32_t>(control.aio_fildes); }
  void set_answer(std::int32_t value) noexcept { control.aio_fildes = value; }

  // When a wait for readiness is over, and what it ends with then; in the same memory, until
  // the ring has the request again. cleared: it waits for as long as it takes.
  bool has_deadline() const noexcept { return control.data == &control; }
  void clear_deadline() noexcept { control.data = nullptr; }
  void set_deadline(std::int64_t deadline_ns, std::int32_t result) noexcept {
    control.data = &control;
    control.u.c.offset = deadline_ns;
    control.u.c.nbytes = static_cast<std::uint32_t>(result);
  }
  std::int64_t deadline_ns() const noexcept { return control.u.c.offset; }
  std::int32_t result_at_deadline() const noexcept {
    return static_cast<std::int32_t>(control.u.c.nbytes);
  }

  // The watcher's note on its registration (poll/watcher.h). 0: it has none.
  std::uint32_t watch_count() const noexcept { return next_free.load(std::memory_order_relaxed); }
  void set_watch_count(std::uint32_t count) noexcept {
    next_free.store(count, std::memory_order_relaxed);
  }

  // In which place it ended, for complete/retrieval.h; afterwards, in the same memory.
  std::uint64_t end_number() const noexcept {
    return static_cast<std::uint64_t>(control.u.c.offset);
  }
  void set_end_number(std::uint64_t value) noexcept {
    control.u.c.offset = static_cast<long long>(value);
  }

  // While it is queued, and for the worker that takes it; in the same memory.
  LanePart lane_part() const noexcept { return static_cast<LanePart>(control.aio_lio_opcode); }
  void set_lane_part(LanePart part) noexcept { control.aio_lio_opcode = static_cast<short>(part); }

  // Likewise: its device's place in the pool, and whether it waits there for other jobs of
  // the device to end (pool/device_bounds.h).
  unsigned pool_place() const noexcept { return static_cast<unsigned>(control.aio_reqprio); }
  void set_pool_place(unsigned number) noexcept {
    control.aio_reqprio = static_cast<short>(number);
    control.aio_fildes = 0;
  }
  bool waits_for_device() const noexcept { return control.aio_fildes != 0; }
  void set_waits_for_device(bool waits) noexcept { control.aio_fildes = waits; }

  iocb control{};  // stays while polling: io_cancel finds the poll by its address

  void move_to(RequestState to) noexcept {
    assert(to != state.load(std::memory_order_relaxed) || to == RequestState::starting);
    // release: who finds the new state finds what was written before it.
    state.store(to, std::memory_order_release);
  }
};
static_assert(sizeof(Request) <= 192);

}  // namespace kaio
