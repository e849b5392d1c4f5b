// SPDX-License-Identifier: MIT
#include "posix/api/export.h"
#include "posix/api/refresh_status.h"
#include "posix/api/misuse.h"
#include "posix/process/runtime.h"

KAIO_ENTRY(ssize_t, aio_return, aiocb* control_block) {
  using namespace kaio;
  const std::uint32_t word = refresh_status(*control_block);
  StatusCell& cell = cell_of(*control_block);
  switch (word & status::tag_mask) {
    case status::tag_in_progress:
      return fail(EINPROGRESS);
    case status::tag_done: {
      if (status::is_in_progress(cell.word.load(std::memory_order_relaxed))) return -1;  // forked
      const ssize_t result = cell.result_bytes;
      cell.word.store((word & status::error_mask) | status::tag_taken, std::memory_order_relaxed);
      const RequestId id = id_of(*control_block);
      if (Runtime* engine = runtime_if_any())
        engine->completer.retrieval().taken(id.slot, id.generation, cell);
      return result;
    }
    default:  // taken already, or never submitted
      return is_refused_misuse("aio_return") ? fail(EINVAL) : cell.result_bytes;
  }
}
KAIO_ALIAS_64(aio_return);
