// SPDX-License-Identifier: MIT
// The parts of the engine, wired together: one for the process, made with the
// first request, never destroyed, and made anew in a child of fork().
#pragma once

#include "posix/dispatch/dispatcher.h"
#include "posix/process/options.h"
#include "posix/wait/waiter.h"
#include "sys/pages.h"

namespace kaio {

class Runtime {
 public:
  Runtime(const FixedOptions& fixed, const Options& options) noexcept;

  // What may change at any time.
  void configure(const Options& options) noexcept;

  const FixedOptions fixed_options;
  // On pages of its own, so that it can be shared with who reads it (live_statistics.h).
  alignas(sys::page_bytes_max) Statistics statistics;
  alignas(sys::page_bytes_max) Requests requests;
  Context context;
  Harvester harvester;
  Completer completer;
  Dispatcher dispatcher;
  Reaper reaper;
  Waiter waiter;

  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

 private:
  // The harvester reports to the dispatcher, which is made after it.
  class LateSink final : public AnswerSink {
   public:
    explicit LateSink(Runtime& runtime) noexcept : runtime_(runtime) {}
    void answered(Transfer& transfer, std::int32_t answer) override {
      runtime_.dispatcher.answered(transfer, answer);
    }
    void drain() override { runtime_.dispatcher.drain(); }

   private:
    Runtime& runtime_;
  };
  LateSink late_sink_;
};

// Inline, as every function of <aio.h> asks for it.
namespace process {
extern std::atomic<Runtime*> instance;
Runtime* make_runtime() noexcept;
}  // namespace process

// Null if no request was ever made.
inline Runtime* runtime_if_any() noexcept {
  return process::instance.load(std::memory_order_acquire);
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
