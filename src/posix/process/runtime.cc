// SPDX-License-Identifier: MIT
#include "posix/process/runtime.h"

#include <algorithm>
#include <new>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "posix/process/live_statistics.h"
#include "posix/process/report.h"
#include "posix/request/deferred.h"
#include "posix/request/submitting_call.h"
#include "sys/log.h"

namespace kaio {

constinit process::EmptyInChild process::page;

namespace {

// The same, for the child too, and the process that made it.
constinit std::atomic<Runtime*> last_made{nullptr};
constinit std::atomic<pid_t> maker{0};

void forget_what_this_thread_did() {
  sys::mutexes_held = 0;
  deferred::requests.take_in_order();
  SubmittingCall::end();
}

// In a child: its parent's requests, threads and locks are copies without meaning. They are left
// where they are, and a runtime of its own is made when needed. (The ring is not even mapped here.)
void forget_runtime(Runtime* inherited) {
  Runtime* expected = inherited;
  if (!last_made.compare_exchange_strong(expected, nullptr)) return;  // another thread does it
  forget_what_this_thread_did();
  SubmittingCall::forget_after_fork();
  live_statistics::detach(inherited->statistics);
  inherited->context.forget_after_fork();
  inherited->dispatcher.forget_after_fork();
  inherited->ring_reaper.forget_after_fork();
  inherited->completer.notifier().callbacks().forget_after_fork();
}

// In the thread that called fork(). Handlers that ran before may have begun something of the
// child's own, and threads.
void handle_fork_in_child() {
  ThreadNumber::forget_parents();
  forget_what_this_thread_did();
  Runtime* const known = last_made.load(std::memory_order_acquire);
  Runtime* in_use = process::page.instance.load();
  if (maker.load() != ::getpid())
    process::page.instance.compare_exchange_strong(in_use, nullptr);
  else if (in_use == known)
    return;
  if (known != nullptr) forget_runtime(known);
}

// As early as can be, so that few handlers run before that one.
[[gnu::constructor]] void register_fork_handler() {
  static std::atomic<bool> done{false};
  if (!done.exchange(true)) ::pthread_atfork(nullptr, nullptr, handle_fork_in_child);
}

}  // namespace

Runtime* process::make_runtime() noexcept {
  register_fork_handler();  // whoever calls may be another library's constructor
  ThreadNumber::give_back_at_the_end();
  // One that the page does not have: this is a child, and no handler has run in it. In this order,
  // as another thread may just be making it.
  Runtime* const known = last_made.load(std::memory_order_acquire);
  if (known != nullptr && page.instance.load() == nullptr) forget_runtime(known);
  const FixedOptions fixed = options().freeze();
  void* pages = sys::map_pages(sizeof(Runtime));
  if (pages == nullptr) return nullptr;
  auto* made = new (pages) Runtime(fixed, options());
  live_statistics::Attachment attachment(made->statistics);  // it has counted nothing yet
  ::madvise(&page, sizeof page, MADV_WIPEONFORK);            // since Linux 4.14
  maker.store(::getpid());
  Runtime* expected = nullptr;
  if (!page.instance.compare_exchange_strong(expected, made)) {
    attachment.discard();
    sys::unmap_pages(pages, sizeof(Runtime));  // it has started nothing yet
    return expected;
  }
  attachment.keep();
  last_made.store(made, std::memory_order_release);
  static std::atomic<bool> registered{false};
  // Only for the option: the copy of standard error is not made without it.
  if (!registered.exchange(true) && options().print_statistics.load()) print_statistics_at_exit();
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
