// SPDX-License-Identifier: MIT
// The parts, wired together: one for the process, made with the first request, never
// destroyed, and made again in a child process.
//
// Each part is given those that it calls. Three calls go the other way: what takes completions
// hands the answers to the dispatcher; and the reaper's thread lets the completer try again what
// it could not send, and the dispatcher start threads for those who may not. The parts do not
// know who listens; it is this class.
#pragma once

#include "posix/dispatch/dispatcher.h"
#include "posix/process/options.h"
#include "posix/wait/waiter.h"
#include "sys/pages.h"

namespace kaio {

class Runtime final : private ResultSink, private PeriodicWork {
 public:
  Runtime(const FixedOptions& fixed, const Options& options) noexcept;

  // What may change at any time.
  void configure(const Options& options) noexcept;

  const FixedOptions fixed_options;
  // On pages of its own, so that it can be shared with whoever reads it (live_statistics.h).
  alignas(sys::page_bytes_max) Statistics statistics;
  alignas(sys::page_bytes_max) Requests requests;
  Context context;
  RingReaper ring_reaper;
  ReaperThread reaper_thread;
  Completer completer;
  Dispatcher dispatcher;
  Waiter waiter;

  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

 private:
  void on_result(Transfer& transfer, std::int32_t answer) override {
    dispatcher.on_result(transfer, answer);
  }
  void drain() override { dispatcher.drain(); }
  std::int64_t try_again() override;
  bool is_due() const noexcept override {
    return completer.is_due() || dispatcher.threads_are_wanted();
  }
};

// Inline, as every function of <aio.h> asks for it.
namespace process {
// The kernel empties it in a child process, also in one of _Fork() or clone(), which runs no
// handlers.
struct alignas(sys::page_bytes_max) EmptyInChild {
  std::atomic<Runtime*> instance{nullptr};
};
extern EmptyInChild page;
Runtime* make_runtime() noexcept;
}  // namespace process

// Null if no request was ever made.
inline Runtime* runtime_if_any() noexcept {
  return process::page.instance.load(std::memory_order_acquire);
}
// The process's; made if there is none. Null without memory. Async-signal-safe once
// the first call has returned.
inline Runtime* runtime() noexcept {
  Runtime* existing = runtime_if_any();
  return existing != nullptr ? existing : process::make_runtime();
}

// Re-reads the options that may change at any time.
void apply_options() noexcept;

}  // namespace kaio
