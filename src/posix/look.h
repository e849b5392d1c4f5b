// SPDX-License-Identifier: MIT
#pragma once

#include "posix/aiocb_cell.h"
#include "posix/frame.h"

namespace kaio {

// The status word of an aiocb, up to date: completions that are there are
// harvested first. Async-signal-safe. An aiocb that was in progress when its
// process forked is cancelled in the child.
inline std::uint32_t look(const aiocb& control_block) noexcept {
  const auto& word = cell_of(control_block).word;
  // acquire pairs with the exchange that publishes: the result is there too.
  std::uint32_t now = word.load(std::memory_order_acquire);
  if (!status::is_in_progress(now)) return now;
  Runtime* engine = runtime_if_any();
  if (engine != nullptr) {
    const Frame frame(*engine);
    engine->harvester.harvest();
  }
  now = word.load(std::memory_order_acquire);
  if (!status::is_in_progress(now)) return now;
  if (engine != nullptr && request_in_progress(engine->requests, control_block) != nullptr)
    return now;
  now = word.load(std::memory_order_acquire);  // it may have ended meanwhile
  return status::is_in_progress(now) ? status::done(ECANCELED) : now;
}

}  // namespace kaio
