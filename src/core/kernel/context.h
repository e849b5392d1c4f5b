// SPDX-License-Identifier: MIT
// A kernel AIO context: made when first needed, destroyed with this object (which takes the
// kernel tens of milliseconds), absent where the kernel refuses it. A refusal for
// want of something (fs.aio-max-nr used up, memory, descriptors) holds for a moment only:
// then the kernel is asked again.
//
// Thread-safe. Setting up is the only part that takes a lock.
#pragma once

#include <span>

#include "core/kernel/aio_context.h"
#include "core/kernel/loss_report.h"
#include "core/kernel/ring.h"
#include "core/statistics.h"
#include "sys/calls.h"
#include "sys/doorbell.h"
#include "sys/mutex.h"
#include "sys/thread_sanitizer.h"

namespace kaio {

struct KernelOptions {
  unsigned queue_depth = 1024;  // iocbs in flight that io_setup is asked for
  bool enabled = true;          // false: behave as if the kernel had no AIO
  bool read_ring = true;        // false: fetch events by io_getevents
};

class Context final : public AioContext {
 public:
  Context(const KernelOptions& options, Statistics& statistics) noexcept
      : options_(options), statistics_(statistics) {}
  // Waits for what is in flight, but for polls, which it ends.
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // Sets up on the first call. False: there is no kernel AIO here (not built in, or
  // filtered), or none now.
  bool available() noexcept override {
    const State state = state_.load(std::memory_order_acquire);
    return state == State::ready ||
           ((state == State::unknown || state == State::scarce) && set_up());
  }
  // Set up, and takes requests.
  bool takes() const noexcept { return state_.load(std::memory_order_acquire) == State::ready; }
  // There is a context, whose completions are to be reaped.
  bool ready() const noexcept {
    const State state = state_.load(std::memory_order_acquire);
    return state == State::ready || state == State::given_up;
  }

  int refusal() const noexcept override { return refusal_.load(std::memory_order_relaxed); }

  void give_up(int error_number) noexcept override {
    refusal_.store(error_number, std::memory_order_relaxed);
    state_.store(State::given_up, std::memory_order_release);
    loss_report_.submit_refused(error_number);
  }

  // What follows needs ready().

  // Asks for a place for one more iocb. Whoever got one submits, or gives it back.
  bool reserve() noexcept {
    // seq_cst: whoever needs the reaper for it looks whether that runs only after this.
    const std::uint64_t before = reserved_.fetch_add(1, std::memory_order_seq_cst);
    // Signed: of those that came after us some may be released already.
    if (static_cast<std::int64_t>(before - released_.load(std::memory_order_seq_cst)) < capacity_)
      return true;
    unreserve();
    return false;
  }
  void unreserve() noexcept { reserved_.fetch_sub(1, std::memory_order_seq_cst); }
  // So many events have been taken. Only with the lock held under which they are, which is given
  // up by a full fence: whoever sees places missing then is seen by the looks behind it.
  void release(std::uint32_t count) noexcept { sys::add_alone(released_, count); }
  // Iocbs that were submitted and whose events nobody has taken yet.
  std::uint32_t in_flight() const noexcept {
    // In this order: none is released that was not reserved before.
    const std::uint64_t released = released_.load(std::memory_order_seq_cst);
    return static_cast<std::uint32_t>(reserved_.load(std::memory_order_seq_cst) - released);
  }
  std::uint32_t capacity() const noexcept override { return capacity_; }

  int submit(std::span<iocb*> iocbs) noexcept override {
    statistics_.count(Count::io_submit_calls);
    return submit_counted(iocbs);
  }
  int submit(iocb& control) noexcept {
    iocb* list = &control;
    return submit({&list, 1});
  }
  // For whoever has counted the call.
  int submit_counted(std::span<iocb*> iocbs) noexcept {
    for (iocb* control : iocbs) sys::handed_to_kernel(control->data);
    return sys::io_submit(context_, static_cast<long>(iocbs.size()), iocbs.data());
  }

  // By the ring, or by io_getevents where it cannot be read. For one thread at a time.
  std::size_t take_events(std::span<io_event> events) noexcept override;
  int get_events(long min_count, std::span<io_event> events, const timespec* timeout) override;
  bool cancel(iocb& control) noexcept override;

  Ring& ring() noexcept { return ring_; }
  // What the reaper sleeps on, made by it.
  sys::Doorbell& doorbell() noexcept { return doorbell_; }
  bool has_nosignal() const noexcept override { return has_nosignal_; }

  // In a child of fork(): gives up what was inherited. The parent's ring is not mapped here;
  // an empty one takes its place, for frames that a forking signal handler interrupted.
  void forget_after_fork() noexcept;

 private:
  enum class State : std::uint8_t { unknown, ready, scarce, absent, given_up };

  using Outcome = LossReport::Outcome;

  bool set_up() noexcept EXCLUDES(set_up_mutex_);
  State make_context(Outcome& outcome) noexcept;
  int events_error() noexcept;

  // Constant after construction.
  const KernelOptions& options_;
  Statistics& statistics_;

  sys::Mutex set_up_mutex_;
  std::atomic<State> state_{State::unknown};  // release: publishes what follows
  std::atomic<int> refusal_{0};
  std::atomic<std::int64_t> ask_again_ns_{0};  // while contexts are scarce
  sys::Doorbell doorbell_;
  LossReport loss_report_;

  // Constant once ready.
  io_context_t context_ = nullptr;
  Ring ring_;
  std::size_t ring_size_bytes_ = 0;
  std::uint32_t capacity_ = 0;
  bool has_nosignal_ = false;

  // What is in flight: places that were ever given, and those of them that are free again. Two
  // counters, because only one thread at a time writes the second one, which so needs no atomic
  // read-modify-write.
  alignas(64) std::atomic<std::uint64_t> reserved_{0};
  std::atomic<std::uint64_t> released_{0};
};

}  // namespace kaio
