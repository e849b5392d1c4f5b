// SPDX-License-Identifier: MIT
#include "posix/api/export.h"
#include "posix/api/waits.h"
#include "sys/cancellation.h"

namespace kaio {
namespace {

// Not noexcept: a cancelled thread unwinds through it.
int suspend(Runtime& runtime, AiocbList list, const timespec* timeout, bool cancellable) {
  const sys::MayStartThreads may_start_threads(false);
  AnyDone any_done(runtime, list);
  if (cancellable) any_done.caller_can_be_cancelled();
  const int saved_errno = errno;
  const Waited waited = runtime.waiter.wait(
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

}  // namespace
}  // namespace kaio

KAIO_ENTRY(int, aio_suspend, const aiocb* const list[], int count, const timespec* timeout) {
  using namespace kaio;
  if (count < 0) return fail(EINVAL);
  if (timeout != nullptr && (timeout->tv_nsec < 0 || timeout->tv_nsec >= 1'000'000'000))
    return fail(EINVAL);
  Runtime* engine = runtime_if_any();
  if (engine == nullptr) return 0;  // none can be in progress
  return sys::without_cancellation([=](bool cancellable) {
    return suspend(*engine, AiocbList(list, static_cast<std::size_t>(count)), timeout, cancellable);
  });
}
KAIO_ALIAS_64(aio_suspend);
