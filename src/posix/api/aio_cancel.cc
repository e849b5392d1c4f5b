// SPDX-License-Identifier: MIT
#include <fcntl.h>

#include "posix/api/export.h"
#include "posix/api/api_scope.h"
#include "posix/api/refresh_status.h"
#include "posix/request/deferred.h"
#include "sys/cancellation.h"

namespace kaio {
namespace {

bool was_cancelled(const aiocb& control_block) {
  const std::uint32_t word = cell_of(control_block).word.load(std::memory_order_acquire);
  return !status::is_in_progress(word) && (word & status::error_mask) == ECANCELED;
}

// Not inlined: its shell has nothing to clean up.
[[gnu::noinline]] int cancel(Runtime& runtime, int fd, const aiocb* control_block) noexcept {
  Request* request = nullptr;
  if (control_block != nullptr) {
    if (status::is_in_progress(cell_of(*control_block).word.load(std::memory_order_acquire)))
      refresh_by_reaping_here(*control_block);
    request = request_in_progress(runtime.requests, *control_block);
    if (request == nullptr) return AIO_ALLDONE;
  }
  // A handler that interrupted this thread inside the engine: what it would need
  // may be locked by the frame below.
  if (deferred::must_put_aside()) return AIO_NOTCANCELED;
  const ApiScope scope(runtime);
  runtime.ring_reaper.reap();
  const auto outcome = request == nullptr
                           ? runtime.dispatcher.cancel(fd)
                           : runtime.dispatcher.cancel(*request, id_of(*control_block).generation);
  switch (outcome) {
    case Dispatcher::Cancelled::all:
      // It may have got its data in the moment before.
      return request == nullptr || was_cancelled(*control_block) ? AIO_CANCELED : AIO_ALLDONE;
    case Dispatcher::Cancelled::not_all:
      return AIO_NOTCANCELED;
    case Dispatcher::Cancelled::none_left:
      break;
  }
  return AIO_ALLDONE;
}

}  // namespace
}  // namespace kaio

KAIO_ENTRY(int, aio_cancel, int fd, aiocb* control_block) {
  if (::fcntl(fd, F_GETFD) < 0) return kaio::fail(EBADF);
  if (control_block != nullptr && control_block->aio_fildes != fd) return kaio::fail(EINVAL);
  kaio::Runtime* engine = kaio::runtime_if_any();
  if (engine == nullptr) return AIO_ALLDONE;
  return kaio::sys::without_cancellation([&] { return kaio::cancel(*engine, fd, control_block); });
}
KAIO_ALIAS_64(aio_cancel);
