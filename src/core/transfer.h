// SPDX-License-Identifier: MIT
// What carries one request: what is asked of the kernel, how far it has come, and whose it is
// at the moment. It knows nothing of who asked (aiocb, notification, order): that is its
// owner's, which derives from it.
//
// State says who may touch the transfer next, and who may end it:
//
//   state      whose                      left by
//   free       its owner: fills it in     submission                     -> starting, held,
//                                                                           finished
//   starting   the dispatching thread     the decision                   -> any but running
//   held       its descriptor's order     a predecessor's end            -> starting
//   backlog    the kernel backlog         a free ring slot               -> starting
//   shortage   the queue for a thread     one, or the end of patience    -> starting
//   in_kernel  the kernel                 its completion event           -> starting, finished
//   polling    the kernel (IOCB_CMD_POLL) its completion event           -> starting
//   watched    the watcher (epoll)        readiness                      -> starting
//   queued     the pool, or a file queue  a worker                       -> running, starting
//   running    a worker                   the end of the call            -> starting, finished
//                                         io_submit by the worker        -> in_kernel, backlog
//                                         no worker, after all           -> shortage
//   finished   its owner                  the end of its notification    -> free
//
// held, backlog, shortage, queued, polling and watched can be cancelled, but for a file's transfer
// of which a part is done already: the canceller takes the transfer out of the container, under the
// container's lock; whoever takes it out completes it. A polling one is taken from its poll by
// changing its state; the kernel's event, which comes all the same, and late on a busy machine,
// then finds nothing to do. Until then its memory is not used again (KernelPoll).
#pragma once

#include <atomic>
#include <cassert>
#include <cerrno>
#include <cstdint>
#include <libaio.h>

#include "core/io_operation.h"

namespace kaio {

enum class TransferState : std::uint8_t {
  free,
  starting,
  held,
  backlog,
  shortage,
  in_kernel,
  polling,
  watched,
  queued,
  running,
  finished,
};
inline constexpr std::size_t transfer_state_count = 11;

// The table above, as far as it says what may follow. A transfer that is over at once, or held
// back before its first attempt, is never `starting`; one that is refused after all goes back
// to its owner from wherever it was to start.
constexpr bool may_follow(TransferState from, TransferState to) noexcept {
  using enum TransferState;
  const auto bit = [](auto... states) {
    return ((1u << static_cast<unsigned>(states)) | ... | 0u);
  };
  const unsigned allowed[transfer_state_count] = {
      bit(free, starting, held, finished),
      bit(free, starting, held, backlog, shortage, in_kernel, polling, watched, queued, finished),
      bit(starting),                                          // held
      bit(starting),                                          // backlog
      bit(starting),                                          // shortage
      bit(starting, finished),                                // in_kernel
      bit(starting),                                          // polling
      bit(starting),                                          // watched
      bit(starting, running),                                 // queued
      bit(starting, backlog, shortage, in_kernel, finished),  // running
      bit(free),                                              // finished
  };
  return (allowed[static_cast<std::size_t>(from)] & 1u << static_cast<unsigned>(to)) != 0;
}

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

// Whether the kernel holds a poll that will bring an event for this transfer.
enum class KernelPoll : std::uint8_t {
  none,
  pending,
  orphaned,  // and the transfer is over: the event gives its memory free
};

// exclusive: one at a time among those of its descriptor that say so.
enum class FileAccess : bool { shared, exclusive };

// Its part in the queue of its file (core/threads/file_queues.h).
enum class FileQueuePart : std::uint8_t { none, head, waits };

// How far it has come; all false when it is made.
struct Progress {
  Attempt attempt : 3 = Attempt::none;
  bool tried : 1 = false;      // has been attempted: may have had an effect
  bool retried : 1 = false;    // since something was transferred last: was held because the
                               // device was full; of a stream: was found ready
  bool pushed : 1 = false;     // its completion signals a doorbell
  bool is_stream : 1 = false;  // known to be: the offset is ignored
  bool has_turn : 1 = false;   // the one that others of its direction wait for
  // Apart, because others read them, with the record's mutex, while the above changes.
  std::uint8_t : 0;
  std::uint8_t fd_generation : 7 = 0;  // of its descriptor record when it was made
  bool listed : 1 = false;             // in its descriptor record's list (posix/order/occupancy.h)
};

// Two cache lines: what it is, and the iocb. `next_free` is its owner's while it is free.
struct Transfer : Progress {
  std::atomic<TransferState> state{TransferState::free};
  std::atomic<KernelPoll> poll{KernelPoll::none};
  std::atomic<std::uint32_t> next_free{0};  // else watch_count()

  Transfer* next = nullptr;  // whichever queue it is in, or stack
  Transfer* previous = nullptr;

  IoOperation operation;
  std::int64_t done_bytes = 0;

  iocb control{};  // stays while polling: io_cancel finds the poll by its address

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
  static constexpr std::int32_t time_is_up = -ETIME;  // the answer then
  // The answer to a wait for readiness when no thread can be made for it.
  static constexpr std::int32_t no_thread = -ENOBUFS;
  std::int32_t result_at_deadline() const noexcept {
    return static_cast<std::int32_t>(control.u.c.nbytes);
  }

  // The watcher's note on its registration (core/readiness/watcher.h). 0: it has none.
  std::uint32_t watch_count() const noexcept { return next_free.load(std::memory_order_relaxed); }
  void set_watch_count(std::uint32_t count) noexcept {
    next_free.store(count, std::memory_order_relaxed);
  }

  // What the pool is told of its file, in the memory of the iocb's buffer: the device, and how
  // a thread may use it.
  void set_file(std::uint32_t device, FileAccess access) noexcept {
    const std::uintptr_t both = std::uintptr_t{device} << 1 | (access == FileAccess::exclusive);
    control.u.c.buf = reinterpret_cast<void*>(both);
  }
  std::uint32_t device() const noexcept {
    return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(control.u.c.buf) >> 1);
  }
  FileAccess access() const noexcept {
    return static_cast<FileAccess>(reinterpret_cast<std::uintptr_t>(control.u.c.buf) & 1);
  }

  // While it is queued, and for the worker that takes it; in the same memory.
  FileQueuePart file_queue_part() const noexcept {
    return static_cast<FileQueuePart>(control.aio_lio_opcode);
  }
  void set_file_queue_part(FileQueuePart part) noexcept {
    control.aio_lio_opcode = static_cast<short>(part);
  }

  // Likewise: its device's place in the pool, and whether it waits there for other jobs of
  // the device to end (core/threads/device_bounds.h).
  unsigned pool_place() const noexcept { return static_cast<unsigned>(control.aio_reqprio); }
  void set_pool_place(unsigned number) noexcept {
    control.aio_reqprio = static_cast<short>(number);
    control.aio_fildes = 0;
  }
  bool waits_for_device() const noexcept { return control.aio_fildes != 0; }
  void set_waits_for_device(bool waits) noexcept { control.aio_fildes = waits; }

  // The only ways to change the state; both refuse what the table does not allow.
  void move_to(TransferState to) noexcept {
    assert(may_follow(state.load(std::memory_order_relaxed), to));
    // release: whoever finds the new state finds what was written before it.
    state.store(to, std::memory_order_release);
  }
  // For a state that others may end meanwhile. False: one of them has.
  bool move_from(TransferState from, TransferState to) noexcept {
    assert(may_follow(from, to));
    return state.compare_exchange_strong(from, to);
  }
};
static_assert(sizeof(Transfer) == 128);

}  // namespace kaio
