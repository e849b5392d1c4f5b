// SPDX-License-Identifier: MIT
// What the answer to an attempt means for a request. Pure: no system call, no
// state; core/carry/ gathers the facts and acts on the verdict.
#pragma once

#include "core/page_cache.h"
#include "core/statistics.h"
#include "core/traits.h"
#include "core/transfer.h"

namespace kaio {

// The option KAIO_ROUTE.
enum class Route : std::uint8_t {
  automatic,
  kernel,  // every transfer ends in the ring; pool threads at most submit
  poll,    // streams wait for readiness before the first attempt
  pool,    // no kernel AIO
};

enum class Step : std::uint8_t {
  finish,          // the request is done, with done_bytes or the error
  again,           // the same way once more, for the rest
  wait_ready,      // until a stream has data or room
  again_soon,      // with RWF_NOWAIT once more: nothing is in the way now
  hold,            // until another request of the descriptor ends, then again
  submit_plain,    // io_submit without RWF_NOWAIT, here and now
  pool_submit,     // the same in a pool thread
  pool_io,         // the transfer itself in a pool thread
  give_up_kernel,  // kernel AIO is filtered: never again; go by pool
};

struct Verdict {
  Step step = Step::finish;
  int error_number = 0;         // for finish; 0: success
  Count reason = Count::size;   // to be counted; size: nothing
  bool mark_stream = false;     // offsets are ignored from now on
  bool mark_no_nowait = false;  // the descriptor does not do RWF_NOWAIT that way
  bool expect_block = false;    // so will the next one of its kind, probably
};

// The facts. `answer`: bytes, or a negative error number; already added to
// done_bytes, and taken off the operation, if positive.
struct Answer {
  Attempt attempt;
  std::int32_t answer;
  bool refused;         // by io_submit itself, not in an event
  bool plain_is_quick;  // io_submit without RWF_NOWAIT may be done here and now
  Route route;
  Opcode opcode;
  std::size_t remaining_bytes;
  std::int64_t offset_bytes;
  std::int64_t done_bytes;
  bool extra_flags;  // the caller's own RWF_*
  bool is_stream;    // offset is ignored already
  bool retried;
  // For a direct transfer that would block: what was found where it goes.
  PagesInTheWay pages = PagesInTheWay::unknown;
};

// Whether it matters which pages the cache has where the transfer goes.
bool asks_for_pages(const Answer& answer, const DescriptorTraits& traits) noexcept;

// True when the answer ends the request whatever the descriptor is; no traits are
// needed then.
bool is_final(const Answer& answer) noexcept;

// `reached_end`: a short read of a regular file reached its end.
Verdict judge(const Answer& answer, const DescriptorTraits& traits, bool reached_end) noexcept;

}  // namespace kaio
