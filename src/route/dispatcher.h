// SPDX-License-Identifier: MIT
// Brings every request on its way, understands what the way answered, and sends
// it on by the next one if need be. The decisions are judge.cc's and the order is
// request/order.cc's; here they are acted upon.
//
// Which thread. A submitter may do anything that does not block, copy a little of what is
// cached, and submit without RWF_NOWAIT where the device does not know it but has been
// quick (route/plain_speed.h). Harvesting threads, the reaper among them, submit nothing
// that may block: such things go to the pool. So does what may wait for a server: asking a
// file system for more than what the kernel knows by itself.
//
// Which file. The program may close a descriptor as soon as the call has returned, and
// its number may be another file's at once. What the kernel has is safe. For what may
// have to touch the number once more, what it is gets noted before the call returns,
// and compared before it is touched. What is noted holds for as long as the number has
// requests, so a request that leaves the ring in its own call has it renewed; so has the
// first one of each descriptor in a list, for all of them.
#pragma once

#include <algorithm>
#include <array>

#include "kernel/backlog.h"
#include "kernel/reaper.h"
#include "poll/watcher.h"
#include "pool/pool.h"
#include "request/deferred.h"
#include "request/order.h"
#include "request/requests.h"
#include "route/judge.h"
#include "route/plain_speed.h"
#include "route/read_traits.h"

namespace kaio {

namespace limits {
// So much may be copied, by the kernel, in the call that asks for it.
inline constexpr std::size_t bytes_in_a_call_max = 256 * 1024;
}  // namespace limits

// Iocbs of one lio_listio(), to be submitted together. The space is the caller's.
class SubmissionBatch {
 public:
  explicit SubmissionBatch(std::span<iocb*> space) noexcept : space_(space) {
    identified_.fill(-1);
  }
  void add(iocb& control) noexcept { space_[count_++] = &control; }
  std::span<iocb*> iocbs() const noexcept { return space_.first(count_); }

  // Whether what is noted of the descriptor is known to be of this call: of a few of them,
  // as most lists have.
  bool has_identified(int fd) const noexcept {
    return std::ranges::find(identified_, fd) != identified_.end();
  }
  void identified(int fd) noexcept {
    const std::size_t place = next_++ % identified_.size();
    identified_[place] = fd;
    copies_[place] = true;  // until it is known to be otherwise
  }
  // Its transfers copy nothing in the call.
  void copies_nothing(int fd) noexcept {
    for (std::size_t i = 0; i < identified_.size(); ++i)
      if (identified_[i] == fd) copies_[i] = false;
  }

  // Whether so much more of that descriptor may be copied in this call.
  bool has_room_for(int fd, std::size_t size_bytes) noexcept {
    for (std::size_t i = 0; i < identified_.size(); ++i)
      if (identified_[i] == fd && !copies_[i]) return true;
    if (size_bytes > limits::bytes_in_a_call_max - copied_bytes_) return false;
    copied_bytes_ += size_bytes;
    return true;
  }

 private:
  std::span<iocb*> space_;
  std::size_t count_ = 0;
  std::array<int, 4> identified_;
  std::array<bool, 4> copies_{};
  std::size_t copied_bytes_ = 0;
  unsigned next_ = 0;
};

// What is known of a descriptor without asking.
struct KnownDescriptor {
  DescriptorTraits traits;
  std::uint8_t reads_block = 0;  // guesses: DescriptorRecord
  std::uint8_t writes_block = 0;
};

class Dispatcher final : public AnswerSink, public Performer {
 public:
  Dispatcher(Requests& requests, CompletionSink& completions, Context& context,
             Harvester& harvester, const Route& route, Statistics& statistics) noexcept;
  // Before the first request; the two know each other.
  void set_reaper(Reaper& reaper) noexcept { reaper_ = &reaper; }

  // Accepts a filled-in request (state `free`). With a batch, what goes to the
  // kernel is added to it, and is on its way after submit(batch). False: not
  // accepted, for want of memory or threads; the request is still the caller's.
  bool submit(Request& request, SubmissionBatch* batch = nullptr);
  void submit(SubmissionBatch& batch);

  // aio_cancel; AIO_CANCELED and so on are the caller's business.
  enum class Cancelled : std::uint8_t { all, not_all, none_left };
  Cancelled cancel(int fd);
  Cancelled cancel(Request& request, std::uint32_t generation);

  void configure_pool(unsigned threads_max, std::int64_t idle_ns) noexcept {
    pool_.configure(threads_max, idle_ns);
  }
  void forget_after_fork() noexcept { watcher_.forget_after_fork(); }

  void answered(Request& request, std::int32_t answer) override;
  void drain() override {
    if (!backlog_.empty() || !deferred::requests.empty()) drain_now();
  }
  std::optional<std::int32_t> carry_out(Request& request) override;
  bool carried_out(Request* request, std::int32_t answer) override;
  void see_to_others() override;

 private:
  // What a step led to, for the submitter, who still can refuse the request.
  enum class Started : std::uint8_t { yes, no_threads, ring_full };
  // Who acts: the call that submits, or any thread later.
  enum class By : bool { submitter, later };

  // submission.cc: acceptance, and the way into the ring
  bool admit(Request& request, SubmissionBatch* batch);
  void admit_put_aside(Request& request);
  bool goes_straight_into_the_ring(const Request& request);
  bool read_cached(DescriptorRecord& record, Request& request);
  Started submit_kernel(Request& request, Attempt attempt, By by, SubmissionBatch* batch);
  Started submit_into_ring(DescriptorRecord& record, Request& request, Attempt attempt, By by,
                           SubmissionBatch* batch);
  void prepare_control(Request& request, Attempt attempt, By by);
  int submit_guarded(iocb& control) noexcept;
  bool may_be_in_other_hands(const Request& request) const noexcept;
  void learn_from_read(DescriptorRecord& record, int fd, bool at_once);
  void ask_whether_cached(DescriptorRecord& record, int fd);
  Started submitted(Request& request, int outcome, By by);

  // dispatcher.cc: admission by the list, and what comes first
  Started admit_listed(DescriptorRecord& record, Request& request, SubmissionBatch* batch);
  void enlist(Request& request);
  void withdraw(Request& request);
  void fail_abandoned(Notifiable* abandoned);
  void drain_now();
  void route(Request& request);
  Started start_again(Request& request);
  void release_backlog();
  Started start(Request& request, By by, SubmissionBatch* batch = nullptr,
                const KnownDescriptor& known = {});
  Started start_without_kernel(Request& request, By by);
  Started start_without_nowait(Request& request, const DescriptorTraits& traits, By by);
  static bool copies_too_much(const Request& request, const DescriptorTraits& traits,
                              SubmissionBatch* batch);
  static bool may_exceed_size_limit(const Request& request, const KnownDescriptor& known);
  bool would_block(const Request& request, const DescriptorTraits& traits);
  void expect(const Request& request, bool blocks);

  // identity.cc: what a descriptor is, and whether its number still is that one's
  DescriptorFacts facts_of(const Request& request);
  DescriptorFacts ask_facts(int fd);
  void note_identity(int fd);
  void renew_identity(Request& request);
  void know_traits(DescriptorRecord& record, int fd) REQUIRES(record.mutex);
  void store_facts(DescriptorRecord& record, const DescriptorFacts& facts, Occupancy::View asked)
      REQUIRES(record.mutex);
  // Its descriptor's number has become another file, which it must not touch.
  bool is_abandoned(const Request& request);
  // What is known of the file else.
  std::optional<DescriptorFacts> facts_if_same_file(const Request& request);
  void abandon(Request& request);

  // ways.cc: by poll and pool, and the two places to wait in
  Started to_backlog(Request& request, By by);
  Started wait_ready(Request& request, By by);
  void limit_wait(Request& request, DescriptorKind kind);
  void end_wait_if_abandoned(int fd, Request& request, std::uint32_t generation);
  bool poll_by_kernel(Request& request);
  bool end_poll(Request& request);
  bool take_from_poll(Request& request);
  Started to_pool(Request& request, Attempt attempt);
  Started to_pool_io(Request& request, By by);
  Company company_of(const Request& request, const DescriptorFacts& facts) const;
  void learn_whether_it_locks(const Request& request, const DescriptorFacts& facts);
  bool plain_is_quick(const Request& request, const DescriptorFacts& facts, By by) const;
  Started submit_plain(Request& request, std::uint32_t device, By by);
  static bool waits_first(const Request& request, const DescriptorTraits& traits);
  Started hold(Request& request);

  // answers.cc: what came of them
  Started process_answer(Request& request, std::int32_t answer, bool refused, By by);
  Started process_readiness(Request& request, std::int32_t answer);
  Started act(Request& request, const Verdict& verdict, By by);
  Answer describe(const Request& request, std::int32_t answer, bool refused) const;
  bool ends_with_file(const Request& request, const DescriptorTraits& traits, std::int32_t answer);
  static std::optional<std::int32_t> attempt_on_stream(const Request& request,
                                                       const DescriptorFacts& facts);
  void finish(Request& request, int error_number);

  // cancel.cc
  class Canceller;
  bool is_stream(DescriptorRecord& record, int fd) REQUIRES(record.mutex);

  // Constant after construction.
  Requests& requests_;
  CompletionSink& completions_;
  Context& context_;
  Harvester& harvester_;
  const Route& route_;
  Statistics& statistics_;
  Reaper* reaper_ = nullptr;

  Backlog backlog_;
  Watcher watcher_;
  Pool pool_;
  DeviceSet no_nowait_devices_;  // refuse RWF_NOWAIT with O_DIRECT
  PlainSpeed plain_speed_;       // of those
  // Whose file systems locks_file_to_write() is true of, and is not.
  DeviceSet locking_devices_, other_devices_;
  std::atomic<std::uint32_t> kernel_polls_{0};
};

}  // namespace kaio
