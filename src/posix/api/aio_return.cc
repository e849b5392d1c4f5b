// SPDX-License-Identifier: MIT
#include "posix/api/export.h"
#include "posix/api/refresh_status.h"
#include "posix/api/misuse.h"
#include "posix/process/runtime.h"

namespace kaio {
namespace {

// Apart, so that there is nothing to save where it is simple.
[[gnu::noinline, gnu::cold]] ssize_t take_with_care(Runtime& engine, RequestId id,
                                                    const StatusCell& cell) {
  engine.completer.retrieval().taken(id.slot, id.generation, cell);
  return cell.result_bytes;
}

ssize_t take(const aiocb& control_block, std::uint32_t word) {
  StatusCell& cell = cell_of(control_block);
  cell.word.store((word & status::error_mask) | status::tag_taken, std::memory_order_relaxed);
  const RequestId id = id_of(control_block);
  Runtime* const engine = runtime_if_any();
  if (engine != nullptr &&
      !engine->completer.retrieval().taken_at_once(id.slot, id.generation, cell))
    return take_with_care(*engine, id, cell);
  return cell.result_bytes;
}

// Apart likewise: what the status does not say to be done.
[[gnu::noinline, gnu::cold]] ssize_t take_if_done(const aiocb& control_block) {
  const std::uint32_t word = refresh_status(control_block);
  const StatusCell& cell = cell_of(control_block);
  switch (word & status::tag_mask) {
    case status::tag_in_progress:
      return fail(EINPROGRESS);
    case status::tag_done:
      if (status::is_in_progress(cell.word.load(std::memory_order_relaxed))) return -1;  // forked
      return take(control_block, word);
    default:  // taken already, or never submitted
      return is_refused_misuse("aio_return") ? fail(EINVAL) : cell.result_bytes;
  }
}

}  // namespace
}  // namespace kaio

KAIO_ENTRY(ssize_t, aio_return, aiocb* control_block) {
  using namespace kaio;
  // acquire as in refresh_status().
  const std::uint32_t word = cell_of(*control_block).word.load(std::memory_order_acquire);
  if ((word & status::tag_mask) != status::tag_done) return take_if_done(*control_block);
  return take(*control_block, word);
}
KAIO_ALIAS_64(aio_return);
