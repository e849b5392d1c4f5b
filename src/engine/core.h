// SPDX-License-Identifier: MIT
// The inside of an Engine: the owner of its operations for the core (core/carry/transfer_owner.h).
//
// One thread at a time uses it, and nearly everything happens in that one, without a lock or a
// locked instruction: what is submitted joins a batch, a flush gives it to the kernel by few
// io_submit, a turn takes all that has ended off the completion ring first, and only then acts on
// it: first what needs another attempt, then the completions.
//
// What comes from elsewhere goes through two stacks, which each turn empties: results of helper
// threads and of the watcher (results_), and operations whose stop was requested (to_cancel_).
//
// Sleep. A wait sleeps in io_getevents, and so costs what the loop by hand costs. To end it from
// another thread there is a poll in the ring, on an eventfd (wake_control_). With nothing in the
// ring it sleeps on the eventfd itself. Once the program has asked for fd(), each iocb signals
// that eventfd, and wait() sleeps there too. Whoever leaves something for a thread that sleeps
// does so first, and then looks whether it sleeps; the thread says that it sleeps, and then looks
// whether there is anything: one of the two sees the other.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include <kaio/engine.h>

#include "core/carry/carrier.h"
#include "core/kernel/context.h"
#include "core/readiness/watcher.h"
#include "core/threads/pool.h"
#include "core/transfer_queue.h"
#include "engine/deadlines.h"
#include "engine/fork_guard.h"
#include "engine/operation_state.h"
#include "engine/user_thread.h"

namespace kaio::engine {

// Something that wants to add to the next batch, of what has come until then.
class BatchJoiner {
 public:
  virtual void join_batch() noexcept = 0;

  BatchJoiner* next_joiner = nullptr;  // for the engine

 protected:
  ~BatchJoiner() = default;
};

// For operations that have no completion: where they are given back.
struct Room {
  std::span<Operation*> places;
  std::size_t used_count = 0;

  bool is_full() const noexcept { return used_count == places.size(); }
  void give(Operation& operation) noexcept { places[used_count++] = &operation; }
  std::span<Operation*> used() const noexcept { return places.first(used_count); }
};

class Core final : private ResultSink, private Performer, private TransferOwner {
 public:
  explicit Core(const EngineOptions& options);
  // Nothing is under way.
  ~Core() = default;

  bool in_child() const noexcept { return fork_guard_.in_child(); }

  // submission.cc
  Refusal submit(OperationState& operation) noexcept;
  // Refused, it has ended, and is completed as others are.
  void submit_or_complete(OperationState& operation) noexcept;
  Refusal submit(Chain& chain) noexcept;
  Refusal submit_sync(OperationState& sync) noexcept;
  void flush() noexcept;
  // A flush would give the kernel something, or try.
  bool has_batch() const noexcept {
    user_.assert_here();
    return batch_count_ != 0 || joiners_ != nullptr;
  }
  // Once, before the next flush. In the thread that uses the engine.
  void call_before_flush(BatchJoiner& joiner) noexcept;

  // turn.cc
  // `room`: null if none are to be given back.
  std::size_t turn(Room* room = nullptr);
  std::size_t wait(std::size_t at_least, std::int64_t deadline_ns);
  // Ends all that is under way, and accepts nothing more.
  void end_all();
  // Until one has been given.
  void wait_to_give(std::int64_t deadline_ns, Room& room);
  void complete_all();
  // Sleeps until there is something for a turn, or wake(), with something under way or nothing.
  void rest() noexcept;
  void wake() noexcept;
  int fd();
  // For a loop over fd(): what ends without the kernel or a helper thread makes it readable, too.
  void announce_ended() noexcept;

  // cancel.cc
  Cancelled cancel(OperationState& operation) noexcept;
  Cancelled cancel(Chain& chain) noexcept;
  void cancel_all() noexcept;
  void request_cancel(OperationState& operation) noexcept;  // any thread

  std::size_t under_way() const noexcept {
    user_.assert_here();
    return own_.submitted - own_.completed;
  }
  std::int64_t first_deadline_ns() const noexcept {
    user_.assert_here();
    return deadlines_.first_ns();
  }
  KernelAio kernel_aio() noexcept;
  unsigned depth() noexcept { return context_.available() ? places() : 0; }
  EngineStatistics statistics() const noexcept;

 private:
  using Results = TransferStack;
  using ToCancel = IntrusiveStack<OperationState, &OperationState::next_to_cancel>;
  static constexpr std::size_t batch_max = 256;
  static constexpr std::size_t events_max = 128;  // taken at a time

  // That operations may take in the ring; the poll that ends a sleep has one besides.
  unsigned places() const noexcept { return std::min(depth_, context_.capacity() - 1); }

  // submission.cc
  bool goes_straight(const OperationState& operation) noexcept REQUIRES(user_);
  bool has_size_limit() noexcept REQUIRES(user_);
  EngineError check(const OperationState& operation) const noexcept;
  Refusal submit_otherwise(OperationState& operation) noexcept REQUIRES(user_);
  void look_whether_kernel_takes() noexcept REQUIRES(user_);
  void begin(OperationState& operation, Progress progress, Condition condition) noexcept
      REQUIRES(user_);
  void begin_otherwise(OperationState& operation) noexcept REQUIRES(user_);
  static int comes_too_late(const OperationState& operation) noexcept;
  void start(OperationState& operation) noexcept REQUIRES(user_);
  void watch(OperationState& operation) noexcept REQUIRES(user_);
  void prepare(OperationState& operation, std::uint32_t rw_flags) noexcept REQUIRES(user_);
  void prepare_otherwise(OperationState& operation, Attempt attempt) noexcept;
  void join_batch(OperationState& operation) noexcept REQUIRES(user_);
  void enqueue(OperationState& operation, Attempt attempt) noexcept REQUIRES(user_);
  void leave_batch(OperationState& operation) noexcept REQUIRES(user_);
  void refill_batch() noexcept REQUIRES(user_);
  void call_joiners() noexcept REQUIRES(user_);
  void give_batch() noexcept REQUIRES(user_);
  void given(OperationState& operation, std::int64_t begin_ns) noexcept REQUIRES(user_);
  bool handle_refusal(int error_number) noexcept REQUIRES(user_);
  void refused(OperationState& operation, int error_number) noexcept REQUIRES(user_);

  // turn.cc
  std::size_t take_events() noexcept REQUIRES(user_);
  void on_events(std::span<const io_event> events) noexcept REQUIRES(user_);
  void on_event(const io_event& event) noexcept REQUIRES(user_);
  void on_other_event(OperationState& operation, std::int32_t answer) noexcept REQUIRES(user_);
  void woken() noexcept REQUIRES(user_);
  void take_results() noexcept REQUIRES(user_);
  void answer_all() noexcept REQUIRES(user_);
  void answer(OperationState& operation) noexcept REQUIRES(user_);
  void release_held(std::size_t count) noexcept REQUIRES(user_);
  void expire() noexcept REQUIRES(user_);
  std::size_t dispatch(Room* room) REQUIRES(user_);
  void finish(OperationState& operation) noexcept REQUIRES(user_);
  void finish_otherwise(OperationState& operation) noexcept REQUIRES(user_);
  void end(OperationState& operation, int error_number) noexcept REQUIRES(user_);

  // sleep.cc
  bool sleep_until_news(std::int64_t deadline_ns) noexcept REQUIRES(user_);
  void sleep(std::int64_t until_ns) noexcept REQUIRES(user_);
  void sleep_in_ring(std::int64_t until_ns) noexcept REQUIRES(user_);
  bool arm_wake() noexcept REQUIRES(user_);
  void notify() noexcept;
  bool has_news() const noexcept;

  // cancel.cc
  void take_cancels() noexcept REQUIRES(user_);
  bool take_out(OperationState& operation, int error_number) noexcept REQUIRES(user_);

  // owner.cc: for the core
  void on_result(Transfer& transfer, std::int32_t answer) override;
  void drain() noexcept override {}
  std::optional<std::int32_t> carry_out(Transfer& transfer) override;
  bool carried_out(Transfer* transfer, std::int32_t answer) override;
  void refuse(Transfer& transfer) override { carried_out(&transfer, -EAGAIN); }
  void see_to_others() override {}
  void complete(Transfer& transfer, int error_number) override;
  void abandon(Transfer& transfer) override { complete(transfer, EBADF); }
  Started submit_by_kernel(Transfer& transfer, Attempt attempt, By by,
                           SubmissionBatch* batch) override;
  int give_one(OperationState& operation, Attempt attempt) noexcept;
  void submit_now(OperationState& operation, Attempt attempt) noexcept REQUIRES(user_);
  void submit_in_helper(OperationState& operation, Attempt attempt) noexcept;
  bool poll_by_kernel(Transfer& transfer) override;
  bool hold(Transfer& transfer) override;
  FileFacts facts_of(Transfer& transfer) override;
  std::optional<FileFacts> facts_if_same_file(Transfer& transfer) override {
    return facts_of(transfer);
  }
  bool knows_file_of(Transfer&) override { return true; }
  void refuses_nowait(const Transfer& transfer) override;
  void expect(const Transfer& transfer, bool blocks) override;
  void result_is_looked_at(Transfer&, bool, By) override {}
  void leaves_ring(Transfer& transfer) override;
  Life life_of(const Transfer& transfer) override {
    return {.fd = transfer.operation.fd, .generation = 0};
  }
  void wait_has_begun(Transfer&, Life) override {}
  void post(OperationState& operation) noexcept;

  // Constant after construction.
  const unsigned depth_;
  const unsigned batch_;
  const bool keeps_times_;
  const KernelOptions kernel_options_;
  const Route route_;
  ForkGuard fork_guard_;

  Statistics counts_;
  sys::Doorbell doorbell_;
  std::atomic<bool> doorbell_is_asked_for_{false};  // fd() has been called
  std::optional<Context> own_context_;              // none: a test has put another one in its place
  AioContext& context_;

  // Of the thread that uses the engine.
  UserThread user_;
  Link operations_ GUARDED_BY(user_);     // all that are under way, oldest first
  bool takes_ GUARDED_BY(user_) = false;  // context_ was available when it was asked last
  bool ends_ GUARDED_BY(user_) = false;
  std::size_t batch_count_ GUARDED_BY(user_) = 0;
  std::size_t backlog_count_ GUARDED_BY(user_) = 0;
  std::size_t in_ring_ GUARDED_BY(user_) = 0;  // or about to be, by a helper thread
  std::size_t polls_in_ring_ GUARDED_BY(user_) = 0;
  std::int64_t now_ns_ GUARDED_BY(user_) = 0;  // when it was looked at last
  EndedQueue ended_ GUARDED_BY(user_);         // to be completed
  TransferQueue answers_ GUARDED_BY(user_);    // to be acted on
  TransferQueue held_ GUARDED_BY(user_);       // the device was full
  TransferQueue backlog_ GUARDED_BY(user_);    // there was no room in the batch
  Deadlines deadlines_ GUARDED_BY(user_);
  BatchJoiner* joiners_ GUARDED_BY(user_) = nullptr;
  bool size_limit_is_known_ GUARDED_BY(user_) = false;
  bool has_size_limit_ GUARDED_BY(user_) = false;     // known until the next flush
  bool may_raise_sigpipe_ GUARDED_BY(user_) = false;  // what is in the batch
  bool wake_is_armed_ GUARDED_BY(user_) = false;
  iocb wake_control_ GUARDED_BY(user_){};
  EngineStatistics own_ GUARDED_BY(user_);
  std::array<iocb*, batch_max> batch_controls_ GUARDED_BY(user_);  // for the kernel, filled in

  // Of all threads.
  Results results_;
  ToCancel to_cancel_;
  std::atomic<bool> sleeps_{false};
  std::atomic<bool> woken_{false};

  Carrier carrier_;
  // Last: their threads use the rest.
  Watcher watcher_;
  Pool pool_;
};

}  // namespace kaio::engine
