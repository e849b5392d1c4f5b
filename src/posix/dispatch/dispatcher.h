// SPDX-License-Identifier: MIT
// Brings every request on its way: admits it in the order of its descriptor, puts it into the
// ring where that is straight, and is the owner that the core asks for everything else
// (core/carry/carrier.h). The order is posix/order/order.cc's.
//
// Which file. The program may close a descriptor as soon as the call has returned, and
// its number may be another file's at once. What the kernel has is safe. For what may
// have to touch the number once more, what it is gets noted before the call returns,
// and compared before it is touched. What is noted holds for as long as the number has
// requests, so the first request of each descriptor in a list has it renewed, for all of them;
// and so has a request that leaves the ring while the call that submits it is under way. Another
// thread may have the answer, and does the same on behalf of the call. A call that finds the number
// to be another file than is noted waits for that thread, for a while
// (posix/request/submitting_call.h).
#pragma once

#include "core/carry/carrier.h"
#include "core/kernel/backlog.h"
#include "core/readiness/watcher.h"
#include "core/threads/pool.h"
#include "posix/order/order.h"
#include "posix/order/requests.h"
#include "posix/request/deferred.h"
#include "posix/request/submitting_call.h"
#include "posix/wait/completer.h"

namespace kaio {

// That life of the request's.
[[gnu::always_inline]] inline bool is_over(const Request& request,
                                           std::uint32_t generation) noexcept {
  return request.generation() != generation ||
         request.state.load(std::memory_order_acquire) == TransferState::finished;
}

class Dispatcher final : public ResultSink,
                         public Performer,
                         private TransferOwner,
                         private Backend::ThreadStarter {
 public:
  Dispatcher(Requests& requests, Completer& completer, Context& context, RingReaper& ring_reaper,
             ReaperThread& reaper_thread, const Route& route, Statistics& statistics) noexcept;

  // Accepts a filled-in request (state `free`). With a batch, what goes to the
  // kernel is added to it, and is on its way after submit(batch). False: not
  // accepted, for want of memory or threads; the request is still the caller's.
  bool submit(Request& request, SubmissionBatch* batch = nullptr);
  void submit(SubmissionBatch& batch);

  // For a transfer that its call puts straight into the ring (posix/api/straight.cc).
  //
  // What the call remembers of it: the request may be over, and another one, as soon as the
  // kernel has it.
  struct Given {
    Occupancy::View seen;  // when it had entered, or later
    std::uint32_t generation;
    std::uint8_t fd_generation;
    std::uint32_t posted;  // Ring::posted() before
    int fd;
    bool reads;
    bool tells;  // whether what the descriptor is may be learnt from what becomes of it
  };
  bool somebody_waits_for_a_place() const noexcept { return !backlog_.empty(); }
  // Once it is submitted, and what was done at once has been reaped.
  Started look_after(DescriptorRecord& record, Request& request, const Given& given);
  void learn_from_read(DescriptorRecord& record, int fd, bool at_once) {
    std::uint8_t count = record.reads_completed_inline.load(std::memory_order_relaxed);
    // Once asked, it is asked again when the count has gone round.
    if (!at_once && (count == 0 || count >= inline_reads_to_ask)) return;
    count = at_once ? static_cast<std::uint8_t>(count + 1) : 0;
    record.reads_completed_inline.store(count, std::memory_order_relaxed);
    if (count == inline_reads_to_ask && route_ == Route::automatic) ask_whether_cached(record, fd);
  }
  // When io_submit has not taken it. As submit().
  bool go_on(DescriptorRecord& record, Request& request, const Given& given, int outcome);

  // aio_cancel; AIO_CANCELED and so on are the caller's business.
  enum class Cancelled : std::uint8_t { all, not_all, none_left };
  Cancelled cancel(int fd);
  Cancelled cancel(Request& request, std::uint32_t generation);

  void configure_pool(unsigned threads_max, std::int64_t idle_ns) noexcept {
    pool_.configure(threads_max, idle_ns);
  }
  void forget_after_fork() noexcept { watcher_.forget_after_fork(); }

  // For the reaper's thread: those that others wanted and may not start, or could not.
  // Nanoseconds until it is to be tried again; sys::forever: not at all.
  std::int64_t start_wanted_threads();
  bool threads_are_wanted() const noexcept {
    return threads_are_wanted_.load(std::memory_order_seq_cst) || !without_thread_.empty();
  }

  void on_result(Transfer& transfer, std::int32_t answer) override;
  void drain() override {
    if (!backlog_.empty() || !deferred::requests.empty()) drain_now();
  }
  std::optional<std::int32_t> carry_out(Transfer& transfer) override;
  bool carried_out(Transfer* transfer, std::int32_t answer) override;
  void refuse(Transfer& transfer) override { await_thread(request_of(transfer)); }
  void see_to_others() override;
  bool threads_are_promised() const noexcept override { return ring_reaper_.reaping_required(); }

 private:
  // So many reads in a row that were done at once make it worth asking whether they are of
  // a cached file.
  static constexpr std::uint8_t inline_reads_to_ask = 8;

  // For the backends.
  bool call() noexcept override;

  // For the core.
  void complete(Transfer& transfer, int error_number) override;
  void abandon(Transfer& transfer) override;
  Started submit_by_kernel(Transfer& transfer, Attempt attempt, By by,
                           SubmissionBatch* batch) override;
  bool poll_by_kernel(Transfer& transfer) override;
  bool hold(Transfer& transfer) override;
  FileFacts facts_of(Transfer& transfer) override;
  std::optional<FileFacts> facts_if_same_file(Transfer& transfer) override;
  bool knows_file_of(Transfer& transfer) override;
  void refuses_nowait(const Transfer& transfer) override;
  void expect(const Transfer& transfer, bool blocks) override;
  void result_is_looked_at(Transfer& transfer, bool is_final, By by) override;
  void leaves_ring(Transfer& transfer) override;
  Life life_of(const Transfer& transfer) override {
    return {.fd = transfer.operation.fd, .generation = request_of(transfer).generation()};
  }
  void wait_has_begun(Transfer& transfer, Life life) override;

  // submission.cc: acceptance, and the way into the ring
  bool admit(Request& request, SubmissionBatch* batch);
  bool withdraw_or_wait(Request& request);
  void refuse_element(SubmissionBatch& batch, Request& request);
  void admit_put_aside(Request& request);
  bool has_kernel_aio() const noexcept {
    static_assert(Route::automatic < Route::kernel && Route::kernel < Route::poll &&
                  Route::poll < Route::pool);
    return route_ <= Route::kernel && context_.available();
  }
  bool goes_straight_into_the_ring(const Request& request, Occupancy::View now);
  bool read_cached(DescriptorRecord& record, Request& request);
  Started submit_into_ring(DescriptorRecord& record, Request& request, Attempt attempt, By by,
                           SubmissionBatch* batch);
  void prepare_control(Request& request, Attempt attempt, By by);
  int submit_guarded(iocb& control) noexcept;
  bool is_compared_first(Occupancy::View now) const noexcept;
  bool may_be_in_other_hands(const Request& request) const noexcept;
  bool answer_is_elsewhere(const Request& request, const Given& given) const noexcept;
  void ask_whether_cached(DescriptorRecord& record, int fd);
  Started submitted(Request& request, int outcome, By by);

  // dispatcher.cc: admission by the list, and what comes first
  Started admit_listed(DescriptorRecord& record, Request& request, SubmissionBatch* batch);
  void enlist(Request& request);
  void withdraw(Request& request);
  void fail_abandoned(Transfer* abandoned);
  void drain_now();
  Started route(Request& request, By by);
  Started start_again(Request& request);
  bool take_back_held(DescriptorRecord& record, Request& request, Life life);
  void release_backlog();

  // identity.cc: what a descriptor is, and whether its number still is that one's
  void note_identity(int fd);
  void settle_identity(DescriptorRecord& record, const Request& request, const Given& given);
  void renew_identity(Request& request);
  void renew_if_another_file(Request& request, bool submitted_here);
  void know_traits(DescriptorRecord& record, int fd) REQUIRES(record.mutex);
  void store_facts(DescriptorRecord& record, const FileFacts& facts, Occupancy::View asked)
      REQUIRES(record.mutex);
  // Its descriptor's number has become another file, which it must not touch.
  bool is_abandoned(Request& request);

  // waiting.cc: the backlog, the wait for a thread, and that for readiness in the ring
  Started to_backlog(Request& request, By by);
  void await_thread(Request& request);
  std::int64_t start_those_without_thread();
  bool shortage_lasts() noexcept;
  bool end_poll(Request& request);
  bool take_from_poll(Request& request);

  // results.cc: all but a whole transfer of the ring's
  [[gnu::cold]] void on_other_result(Request& request, std::int32_t answer);

  // cancel.cc
  class Canceller;
  bool is_stream(DescriptorRecord& record, int fd) REQUIRES(record.mutex);

  // Constant after construction.
  Requests& requests_;
  Completer& completer_;
  Context& context_;
  RingReaper& ring_reaper_;
  ReaperThread& reaper_thread_;
  const Route& route_;
  Statistics& statistics_;

  Carrier carrier_;
  Backlog backlog_;
  std::atomic<std::uint32_t> kernel_polls_{0};
  std::atomic<bool> threads_are_wanted_{false};
  // Accepted requests for which no thread could be made; Transfer::attempt says which attempt
  // lacked one.
  Backlog without_thread_{TransferState::shortage};
  std::atomic<std::int64_t> next_try_ns_{0};
  std::atomic<std::int64_t> shortage_began_ns_{0};
  std::atomic<std::int64_t> shortage_seen_ns_{0};
  // Last: their threads use the rest.
  Watcher watcher_;
  Pool pool_;
};

}  // namespace kaio
