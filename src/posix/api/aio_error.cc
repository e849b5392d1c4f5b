// SPDX-License-Identifier: MIT
#include "posix/api/export.h"
#include "posix/api/refresh_status.h"
#include "posix/api/misuse.h"

namespace kaio {
namespace {

// Apart, so that there is nothing to save where the status says that it is done.
[[gnu::noinline]] int error_of_others(const aiocb& control_block) {
  const std::uint32_t word = refresh_status(control_block);
  switch (word & status::tag_mask) {
    case status::tag_in_progress:
      return EINPROGRESS;
    case status::tag_taken:
      if (is_refused_misuse("aio_error")) return EINVAL;
      [[fallthrough]];
    case status::tag_done:
      return static_cast<int>(word & status::error_mask);
    default:  // never submitted: what glibc reads there
      return is_refused_misuse("aio_error") ? EINVAL : static_cast<int>(word);
  }
}

}  // namespace
}  // namespace kaio

KAIO_ENTRY(int, aio_error, const aiocb* control_block) {
  using namespace kaio;
  // acquire as in refresh_status().
  const std::uint32_t word = cell_of(*control_block).word.load(std::memory_order_acquire);
  if ((word & status::tag_mask) != status::tag_done) return error_of_others(*control_block);
  return static_cast<int>(word & status::error_mask);
}
KAIO_ALIAS_64(aio_error);
