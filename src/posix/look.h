// SPDX-License-Identifier: MIT
#pragma once

#include "posix/aiocb_cell.h"

namespace kaio {

// For look(): of one that is in progress.
std::uint32_t look_in_ring(const aiocb& control_block) noexcept;

// The status word of an aiocb, up to date: completions that are there are
// harvested first. Async-signal-safe. An aiocb that was in progress when its
// process forked is cancelled in the child.
inline std::uint32_t look(const aiocb& control_block) noexcept {
  // acquire pairs with the exchange that publishes: the result is there too.
  const std::uint32_t now = cell_of(control_block).word.load(std::memory_order_acquire);
  return status::is_in_progress(now) ? look_in_ring(control_block) : now;
}

}  // namespace kaio
