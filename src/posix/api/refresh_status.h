// SPDX-License-Identifier: MIT
#pragma once

#include "posix/api/aiocb_cell.h"
#include "posix/process/runtime.h"
#include "posix/request/deferred.h"
#include "sys/cancellation.h"

namespace kaio {

// For refresh_status(): when completions are to be reaped, or the aiocb is not what it says.
std::uint32_t refresh_by_reaping_here(const aiocb& control_block) noexcept;

inline std::uint32_t refresh_by_reaping(const aiocb& control_block) {
  return sys::without_cancellation(
      [&control_block]() { return refresh_by_reaping_here(control_block); });
}

// The status word of an aiocb, up to date: completions that are there are
// reaped first. Async-signal-safe. An aiocb that was in progress when its
// process forked is cancelled in the child.
inline std::uint32_t refresh_status(const aiocb& control_block) {
  // acquire pairs with the exchange that publishes: the result is there too.
  const std::uint32_t now = cell_of(control_block).word.load(std::memory_order_acquire);
  if (!status::is_in_progress(now)) return now;
  // Programs look at all they have outstanding, again and again.
  const Runtime* engine = runtime_if_any();
  const bool unfinished = engine != nullptr && engine->ring_reaper.nothing_there() &&
                          deferred::requests.empty() &&  // of the frame that a handler interrupted
                          request_in_progress(engine->requests, control_block) != nullptr;
  return unfinished ? now : refresh_by_reaping(control_block);
}

}  // namespace kaio
