// SPDX-License-Identifier: MIT
#include "posix/export.h"
#include "posix/waits.h"

// Not noexcept: a cancelled thread unwinds through it.
KAIO_EXPORT int aio_suspend(const aiocb* const list[], int count, const timespec* timeout) {
  using namespace kaio;
  if (count < 0) return fail(EINVAL);
  if (timeout != nullptr && (timeout->tv_nsec < 0 || timeout->tv_nsec >= 1'000'000'000))
    return fail(EINVAL);
  Runtime* engine = runtime_if_any();
  if (engine == nullptr) return 0;  // none can be in progress
  AnyDone any_done(*engine, AiocbList(list, static_cast<std::size_t>(count)));
  const int saved_errno = errno;
  const Waited waited = engine->waiter.wait(
      any_done, timeout == nullptr ? sys::forever : sys::deadline_after(*timeout));
  switch (waited) {
    case Waited::timed_out:
      return fail(EAGAIN);
    case Waited::interrupted:
      return fail(EINTR);
    case Waited::done:
      break;
  }
  errno = saved_errno;
  return 0;
}
KAIO_ALIAS_64(aio_suspend);
