// SPDX-License-Identifier: MIT
#include "posix/process/runtime.h"

#include <algorithm>
#include <new>
#include <pthread.h>
#include <sys/mman.h>

#include "posix/process/live_statistics.h"
#include "posix/process/report.h"
#include "posix/request/deferred.h"
#include "posix/request/submitting_call.h"
#include "sys/log.h"

namespace kaio {

constinit process::EmptyInChild process::page;

namespace {

// The same, for the child too.
constinit std::atomic<Runtime*> last_made{nullptr};

// In the child only the forking thread lives: requests, threads and locks of the
// parent's engine are copies without meaning. It is left where it is and a new one
// made when needed. (The ring is not even mapped here.)
void after_fork_in_child() {
  process::page.instance.store(nullptr);  // where the kernel has not done it
  Runtime* inherited = last_made.exchange(nullptr);
  sys::mutexes_held = 0;
  deferred::requests.take_in_order();
  SubmittingCall::forget_after_fork();
  if (inherited == nullptr) return;
  live_statistics::detach(inherited->statistics);
  inherited->context.forget_after_fork();
  inherited->dispatcher.forget_after_fork();
  inherited->ring_reaper.forget_after_fork();
  inherited->completer.notifier().callbacks().forget_after_fork();
}

}  // namespace

Runtime* process::make_runtime() noexcept {
  // There is one that we do not see: this is a child, and no handler has run in it.
  if (last_made.load(std::memory_order_acquire) != nullptr && page.instance.load() == nullptr)
    after_fork_in_child();
  const FixedOptions fixed = options().freeze();
  void* pages = sys::map_pages(sizeof(Runtime));
  if (pages == nullptr) return nullptr;
  auto* made = new (pages) Runtime(fixed, options());
  live_statistics::attach(made->statistics);  // it has counted nothing yet
  Runtime* expected = nullptr;
  if (!page.instance.compare_exchange_strong(expected, made)) {
    sys::unmap_pages(pages, sizeof(Runtime));  // it has started nothing yet
    return expected;
  }
  last_made.store(made, std::memory_order_release);
  static std::atomic<bool> registered{false};
  if (!registered.exchange(true)) {
    ::madvise(&page, sizeof page, MADV_WIPEONFORK);  // since Linux 4.14
    ::pthread_atfork(nullptr, nullptr, after_fork_in_child);
    // Only for the option: the copy of standard error is not made without it.
    if (options().print_statistics.load()) print_statistics_at_exit();
  }
  return made;
}

Runtime::Runtime(const FixedOptions& fixed, const Options& options) noexcept
    : fixed_options(fixed), context(fixed_options.kernel, statistics), ring_reaper(context, *this),
      reaper_thread(ring_reaper, *this, *this, statistics),
      completer(requests, ring_reaper, reaper_thread, *this, statistics),
      dispatcher(requests, completer, context, ring_reaper, reaper_thread, fixed_options.route,
                 statistics),
      waiter(ring_reaper, completer, *this) {
  configure(options);
}

std::int64_t Runtime::try_again() {
  const std::int64_t pause_ns = dispatcher.start_wanted_threads();
  return std::min(pause_ns, completer.try_again());
}

void Runtime::configure(const Options& options) noexcept {
  dispatcher.configure_pool(options.threads, options.idle_seconds * INT64_C(1'000'000'000));
  completer.notifier().callbacks().give_fresh_threads(options.fresh_callback_threads);
  const int spin_us = options.spin_us;
  const bool as_it_pays = spin_us == limits::spin_us_auto;
  waiter.set_spin(as_it_pays ? 0 : spin_us * INT64_C(1'000));
  waiter.spin_budget().enable(as_it_pays);
}

void apply_options() noexcept {
  sys::log::turn(options().log.load());
  if (options().print_statistics.load()) print_statistics_at_exit();
  if (Runtime* existing = runtime_if_any()) existing->configure(options());
}

}  // namespace kaio
