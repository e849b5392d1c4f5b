// SPDX-License-Identifier: MIT
// What is known of a file descriptor while requests on it are outstanding: those that
// others have to find, in call order; what the descriptor is; and who waits for whom.
// Most requests are only counted, and never come here: see occupancy.h.
//
// Order. Reads of a stream run one at a time, in call order; so do writes to a
// stream and to an O_APPEND file; a fence (aio_fsync) runs when it is the oldest
// request left. Everything else runs at once. Reads never wait for writes.
//
// Generations of a number. A record belongs to a number, and the program may close the number and
// open something else on it. Traits are forgotten when no request is outstanding,
// and a new generation begins when the number turns out to be another file while
// requests of the old one still wait; those hold back nobody of the new generation.
//
// Ending without waiting. Completions are handled by threads that must not wait
// for a lock (a signal handler may have interrupted its holder). Whoever cannot get
// the lock leaves the request in `finished` and goes on; every holder looks there
// after unlocking. RecordLock (posix/order/order.h) does that.
#pragma once

#include "core/traits.h"
#include "core/transfer_queue.h"
#include "posix/order/occupancy.h"
#include "posix/request/outstanding_list.h"
#include "sys/mutex.h"

namespace kaio {

struct alignas(64) DescriptorRecord {
  // Requests whose status is not final. One leaves before its status is published, so
  // that a program which sees its last request done and reuses the number finds a
  // fresh record; `all` may lag behind.
  Occupancy occupancy;

  TransferStack finished;  // left by completers that found the mutex taken

  OutstandingList all GUARDED_BY(mutex);
  TransferQueue held_reads GUARDED_BY(mutex);
  TransferQueue held_writes GUARDED_BY(mutex);

  // Of the file: valid once the traits are known.
  std::uint64_t inode GUARDED_BY(mutex) = 0;
  std::uint32_t device GUARDED_BY(mutex) = 0;

  sys::Mutex mutex;
  std::uint32_t held_count GUARDED_BY(mutex) = 0;  // in the two queues, and fences

  // Valid while occupancy says that they are known: RecordLock forgets them else.
  DescriptorTraits traits GUARDED_BY(mutex);
  // Guesses, for speed only; they outlive the requests, and the file: above 0, the
  // last transfers would have blocked. Counted down by those that would not have.
  std::uint8_t reads_block : 3 GUARDED_BY(mutex) = 0;
  std::uint8_t writes_block : 3 GUARDED_BY(mutex) = 0;
  // Reads that were done in the call that submitted them; in a row until there are enough
  // (Dispatcher::learn_from_read).
  std::atomic<std::uint8_t> reads_completed_inline{0};
};
static_assert(sizeof(DescriptorRecord) == 64);

}  // namespace kaio
