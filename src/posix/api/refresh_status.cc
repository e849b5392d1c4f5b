// SPDX-License-Identifier: MIT
#include "posix/api/refresh_status.h"

#include "posix/api/api_scope.h"

namespace kaio {

std::uint32_t refresh_by_reaping_here(const aiocb& control_block) noexcept {
  const auto& word = cell_of(control_block).word;
  Runtime* engine = runtime_if_any();
  if (engine != nullptr) {
    const ApiScope scope(*engine, false);
    engine->ring_reaper.reap();
  }
  std::uint32_t now = word.load(std::memory_order_acquire);
  if (!status::is_in_progress(now)) return now;
  if (engine != nullptr && request_in_progress(engine->requests, control_block) != nullptr)
    return now;
  now = word.load(std::memory_order_acquire);  // it may have ended meanwhile
  return status::is_in_progress(now) ? status::done(ECANCELED) : now;
}

}  // namespace kaio
