// SPDX-License-Identifier: MIT
// The one funnel through which every request ends, whatever way it took.
//
// The order is fixed: the request leaves its descriptor's record (the number
// may be closed and reused by whoever sees the status); the result is stored; one
// exchange publishes the status and tells who sleeps for it, and on what; sleepers
// are woken; a list that is waited for counts down; successors are let go; the notification
// goes out. A list that is notified itself counts down last, when each of its requests has
// been notified: whoever gets the list's notification has been sent all others before. A
// notification that has to be tried again holds that of the list back. After the exchange
// nothing touches the caller's cell.
//
// Never waits and never allocates: async-signal-safe, and fit for the holder of
// the reap lock.
#pragma once

#include "posix/notify/notifier.h"
#include "posix/order/order.h"
#include "posix/request/deferred.h"
#include "posix/wait/event_counts.h"
#include "posix/wait/reaper_thread.h"
#include "posix/wait/retrieval.h"

namespace kaio {

class Completer final : public NotificationOwner {
 public:
  Completer(Requests& requests, RingReaper& ring_reaper, ReaperThread& reaper_thread,
            ResultSink& sink, Statistics& statistics) noexcept
      : requests_(requests), ring_reaper_(ring_reaper), reaper_thread_(reaper_thread), sink_(sink),
        statistics_(statistics), retrieval_(requests), notifier_(*this, statistics) {}

  // `result`: bytes, or a negative error number. Exactly once per request; it is gone
  // afterwards.
  void complete(Request& request, std::int64_t result);
  // The same for one of which the kernel has transferred all, which it counts.
  void complete_transfer(Request& request, std::int64_t bytes);
  // For a request that was completed, and detached from its record by another frame: the rest.
  void notify(Request& request) { send(request); }
  // A request that was refused at its call, though its status may have been EINPROGRESS for
  // a moment, in which others began to wait for it.
  void publish_refusal(StatusCell& cell, int error_number) noexcept;
  // The eventfd to signal when a request that is to be notified has ended: there is always a
  // thread that listens to it.
  int doorbell_for(const Request& request);
  // io_submit refused the request, perhaps because the program has closed that eventfd.
  void doubt_doorbell_for(const Request& request);

  // One of the group's is done, and told if the group is, or all are submitted; sends the
  // group's notification when it was the last.
  void count_down(RequestGroup& group);
  void drop(RequestGroup& group) noexcept;

  // Sleepers on the leader word that want every completion to change it.
  // Counted before the last look at what is waited for.
  void add_sleeper() noexcept { sleepers_.fetch_add(1, std::memory_order_seq_cst); }
  void remove_sleeper() noexcept { sleepers_.fetch_sub(1, std::memory_order_seq_cst); }
  // Threads that wait for a result of any request, asleep or not. Counted before their
  // first look.
  void add_taker() noexcept { takers_.fetch_add(1, std::memory_order_seq_cst); }
  void remove_taker() noexcept { takers_.fetch_sub(1, std::memory_order_seq_cst); }
  bool has_takers() const noexcept { return takers_.load(std::memory_order_seq_cst) != 0; }
  // Those of them that sleep on `results`, as it was before their last look. Each result
  // changes it, and wakes one of them; one that is cancelled as it sleeps announces it once
  // more, as it may have been woken for it. So does one that leaves nothing to wait for behind.
  void add_sleeping_taker() noexcept { sleeping_takers_.fetch_add(1, std::memory_order_seq_cst); }
  void remove_sleeping_taker() noexcept {
    sleeping_takers_.fetch_sub(1, std::memory_order_seq_cst);
  }
  const sys::FutexWord& results() const noexcept { return results_; }
  void announce_result() noexcept;

  // What those sleep on whose list is too long to sleep on the requests themselves.
  EventCounts& event_counts() noexcept { return event_counts_; }
  Retrieval& retrieval() noexcept { return retrieval_; }
  Notifier& notifier() noexcept { return notifier_; }

  void sent(Notifiable& item) override;
  void reap() override;
  void drain() override {
    if (!deferred::requests.empty()) sink_.drain();
  }
  void wants_retry() override;

  // The reaper's periodic work (posix/wait/reaper_thread.h): what could not be sent.
  std::int64_t try_again();
  bool is_due() const noexcept { return notifier_.any_promised(); }

 private:
  // And calls the leader. False: nobody sleeps so, and nothing done.
  bool wake_sleepers() noexcept {
    return sleepers_.load(std::memory_order_seq_cst) != 0 && wake_all_sleepers();
  }
  bool wake_all_sleepers() noexcept;
  [[gnu::cold]] void complete_counted(Request& request, std::int64_t bytes);
  [[gnu::cold]] void end_published(Request& request, std::uint32_t before,
                                   const sys::FutexWord& word, DescriptorRecord* record);
  void publish(Request& request, std::int64_t result);
  void wake_waiters(const sys::FutexWord* word, std::uint32_t last) noexcept;
  void keep_result(Request& request) noexcept;
  [[gnu::cold]] void settle_result(Request& request, std::uint32_t generation,
                                   Retrieval::Kept kept) noexcept;
  void told(Request& request);
  void complete_grouped(Request& request, DescriptorRecord* record);
  void send(Notifiable& item);

  Requests& requests_;
  RingReaper& ring_reaper_;
  ReaperThread& reaper_thread_;
  ResultSink& sink_;
  Statistics& statistics_;
  Retrieval retrieval_;
  Notifier notifier_;

  EventCounts event_counts_;

  alignas(64) std::atomic<std::uint32_t> sleepers_{0};
  std::atomic<std::uint32_t> takers_{0};
  std::atomic<std::uint32_t> sleeping_takers_{0};
  sys::FutexWord results_{0};
};

}  // namespace kaio
