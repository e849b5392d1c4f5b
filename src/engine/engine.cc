// SPDX-License-Identifier: MIT
// The public face, and making and ending an engine.
#include <cerrno>
#include <stdexcept>

#include "engine/core.h"
#include "engine/faulty_kernel.h"

namespace kaio {

using engine::Core;

namespace engine {
namespace {

const EngineOptions& checked(const EngineOptions& options) {
  const auto require = [](bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(std::string("kaio::EngineOptions: ") + what);
  };
  require(options.depth >= 1 && options.depth <= 65'536, "depth is 1 to 65,536");
  require(options.batch >= 1 && options.batch <= 256, "batch is 1 to 256");
  require(options.threads_max >= 1 && options.threads_max <= limits::pool_threads_max,
          "threads_max is 1 to 4,096");
  return options;
}

}  // namespace

Core::Core(const EngineOptions& options)
    : depth_(checked(options).depth), batch_(options.batch), keeps_times_(options.statistics),
      // One more, for the poll that ends a sleep.
      kernel_options_{.queue_depth = options.depth + 1, .enabled = options.kernel_aio},
      route_(options.kernel_aio ? Route::automatic : Route::pool),
      context_(options.kernel == nullptr ? own_context_.emplace(kernel_options_, counts_)
                                         : testing::context_of(*options.kernel)),
      carrier_(*this, context_, watcher_, pool_, route_, counts_), watcher_(*this, counts_),
      pool_(*this, counts_) {
  constexpr std::int64_t idle_ns = 1'000'000'000;
  pool_.configure(options.threads_max, idle_ns);
  if (!doorbell_.ensure())
    throw std::system_error(errno, std::system_category(), "kaio::Engine: eventfd");
  takes_ = context_.available();  // here, as it takes a while
}

KernelAio Core::kernel_aio() noexcept {
  if (route_ == Route::pool) return KernelAio::switched_off;
  if (context_.available()) return KernelAio::in_use;
  switch (context_.refusal()) {
    case ENOSYS:
      return KernelAio::not_supported;
    case EPERM:
    case EACCES:
      return KernelAio::forbidden;
    default:
      return KernelAio::used_up;
  }
}

EngineStatistics Core::statistics() const noexcept {
  user_.assert_here();
  EngineStatistics now = own_;
  now.io_submit_calls = counts_.get(Count::io_submit_calls);
  now.io_getevents_calls = counts_.get(Count::io_getevents_calls);
  now.would_block = counts_.get(Count::reason_would_block);
  now.no_nowait = counts_.get(Count::reason_no_nowait);
  now.device_full = counts_.get(Count::reason_device_full);
  now.short_transfers = counts_.get(Count::reason_short);
  now.refused = counts_.get(Count::reason_refused);
  now.not_ready = counts_.get(Count::reason_not_ready);
  now.no_kernel_aio = counts_.get(Count::reason_unavailable);
  now.by_kernel = now.completed - now.by_threads;
  now.queued = batch_count_ + backlog_count_;
  now.in_kernel = in_ring_ - wake_is_armed_;
  now.under_way = under_way();
  if (keeps_times_ && now.under_way != 0)
    now.oldest_ns = static_cast<std::uint64_t>(sys::monotonic_ns() -
                                               OperationState::of(*operations_.newer).submitted_ns);
  return now;
}

}  // namespace engine

namespace {

std::int64_t to_ns(Engine::Clock::time_point when) noexcept {
  if (when == Engine::Clock::time_point::max()) return INT64_MAX;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch()).count();
}

}  // namespace

Engine::Engine(const EngineOptions& options) : core_(std::make_unique<Core>(options)) {}

Engine::~Engine() {
  if (core_->in_child()) {
    // Its threads are not here, to be waited for.
    static_cast<void>(core_.release());
    return;
  }
  core_->end_all();
}

Refusal Engine::submit(Operation& operation) noexcept {
  return core_->submit(engine::state_of(operation));
}
Refusal Engine::submit(Chain& chain) noexcept { return core_->submit(chain); }

void Engine::flush() noexcept {
  if (core_->in_child()) return;
  core_->flush();
  core_->announce_ended();
}

std::size_t Engine::poll() { return core_->turn(); }

std::span<Operation*> Engine::poll(std::span<Operation*> places) {
  engine::Room room{.places = places};
  core_->turn(&room);
  return room.used();
}

std::size_t Engine::wait(std::size_t at_least, Clock::time_point deadline) {
  return core_->wait(at_least, to_ns(deadline));
}

std::span<Operation*> Engine::wait(std::span<Operation*> places, Clock::time_point deadline) {
  engine::Room room{.places = places};
  core_->wait_to_give(to_ns(deadline), room);
  return room.used();
}

void Engine::drain() { core_->complete_all(); }
void Engine::wake() noexcept { core_->wake(); }
int Engine::fd() { return core_->fd(); }

Engine::Clock::time_point Engine::next_deadline() const noexcept {
  const std::int64_t ns = core_->first_deadline_ns();
  return ns == INT64_MAX ? Clock::time_point::max()
                         : Clock::time_point(std::chrono::nanoseconds(ns));
}

Cancelled Engine::cancel(Operation& operation) noexcept {
  const Cancelled cancelled = core_->cancel(engine::state_of(operation));
  if (cancelled == Cancelled::yes) core_->announce_ended();
  return cancelled;
}
Cancelled Engine::cancel(Chain& chain) noexcept {
  const Cancelled cancelled = core_->cancel(chain);
  if (cancelled != Cancelled::not_in_use) core_->announce_ended();
  return cancelled;
}
void Engine::cancel() noexcept {
  if (core_->in_child()) return;
  core_->cancel_all();
  core_->announce_ended();
}

std::size_t Engine::under_way() const noexcept { return core_->under_way(); }
KernelAio Engine::kernel_aio() const noexcept { return core_->kernel_aio(); }
bool Engine::belongs_to_parent() const noexcept { return core_->in_child(); }
unsigned Engine::depth() const noexcept { return core_->depth(); }
EngineStatistics Engine::statistics() const noexcept { return core_->statistics(); }

}  // namespace kaio
