// SPDX-License-Identifier: MIT
// One thread that waits, by epoll, for the readiness of any number of streams:
// those that IOCB_CMD_POLL does not do (core/descriptor_kind.h), those beyond its share of
// the ring, and all of them where there is no kernel AIO. Started when needed; ends when it
// has had nothing to watch for a while.
//
// The program may close the number of the epoll instance: then the next transfer makes
// another one, registers again what is waited for, and another thread sleeps on it.
//
// Ready for nothing. What was found ready and then had nothing (Transfer::retried) would be
// ready again at once. It is registered for edges: epoll then says what happens to it, and
// no more that it is ready. The registration stays while the transfer is tried, so that what
// happens meanwhile is not missed: a bucket counts its events, and its registrations anew.
// A transfer that comes back and finds the count as it left it is still registered, and
// nothing has happened; else it is registered once more, for which epoll looks itself. So a
// socket that is always ready costs two tries for each audit (below), and as many as there
// are events.
//
// epoll drops a descriptor in silence when the program closes it. So twice a second
// the registrations are audited, and transfers whose descriptor is gone are
// answered EBADF.
#pragma once

#include <array>
#include <span>
#include <sys/epoll.h>

#include "core/backend.h"
#include "core/result_sink.h"
#include "core/statistics.h"
#include "core/transfer_queue.h"
#include "sys/doorbell.h"
#include "sys/lazy_thread.h"

namespace kaio {

class Watcher final : public Backend, private sys::LazyThread {
 public:
  // `starter`: null if every thread may start others.
  Watcher(ResultSink& sink, Statistics& statistics, ThreadStarter* starter = nullptr) noexcept
      : LazyThread("kaio-watcher"), sink_(sink), statistics_(statistics), starter_(starter) {}
  // Nothing is watched any more.
  ~Watcher();

  // Waits until transfer.operation can go on (attempt `readiness`, state `watched`); the answer
  // is a mask of poll events, or Transfer::time_is_up, Transfer::no_thread, -EBADF, or what a
  // filter says of epoll_wait().
  bool start(Transfer& transfer) noexcept override EXCLUDES(mutex_);
  bool can_start() noexcept override;
  bool remove(Transfer& transfer) noexcept override EXCLUDES(mutex_);
  void start_threads() noexcept override;

  void forget_after_fork() noexcept {
    epoll_.close();
    wake_.close();
  }

 private:
  static constexpr std::size_t bucket_count = 1024;

  bool ensure_thread() noexcept EXCLUDES(mutex_);
  bool call_starter() noexcept { return starter_ != nullptr && starter_->call(); }
  void started() noexcept override { statistics_.count(Count::threads_started); }
  void ended() noexcept override { statistics_.count(Count::threads_ended); }
  void run(Turn turn) override;
  bool is_idle() const noexcept { return watched_count_.load(std::memory_order_seq_cst) == 0; }
  // The epoll instance is there, with everything registered.
  bool has_epoll() const noexcept;
  // The same afterwards: for whoever has something to watch. False: it cannot be made.
  bool ensure_epoll() noexcept EXCLUDES(mutex_);
  // For the thread itself.
  void restore_epoll() noexcept EXCLUDES(mutex_);
  bool make_epoll() noexcept REQUIRES(mutex_);
  void answer_ready(int fd, std::uint32_t events) noexcept EXCLUDES(mutex_);
  void audit() noexcept EXCLUDES(mutex_);
  // As epoll_wait(), by whichever call is allowed.
  int wait_events(std::span<epoll_event> events) noexcept EXCLUDES(mutex_);
  void answer_everybody(std::int32_t answer) noexcept EXCLUDES(mutex_);
  // Until something is due, for epoll_wait().
  int wait_ms() noexcept EXCLUDES(mutex_);
  // Answers those whose deadline has come.
  void expire() noexcept EXCLUDES(mutex_);
  void answer_all(TransferQueue& transfers, std::int32_t answer);
  TransferQueue& bucket_of(int fd) noexcept REQUIRES(mutex_) {
    return buckets_[static_cast<unsigned>(fd) % bucket_count];
  }
  // Moves the transfers on `fd` that `events` concern out of its bucket.
  void take(int fd, std::uint32_t events, TransferQueue& taken) noexcept REQUIRES(mutex_);
  void take_due(TransferQueue& bucket, std::int64_t now_ns, TransferQueue& taken) noexcept
      REQUIRES(mutex_);
  void leave(Transfer& transfer) noexcept REQUIRES(mutex_);
  std::uint32_t& count_of(int fd) noexcept REQUIRES(mutex_) {
    return counts_[static_cast<unsigned>(fd) % bucket_count];
  }
  // Never 0, which a transfer has that is not registered for edges.
  void count(int fd) noexcept REQUIRES(mutex_) {
    if (++count_of(fd) == 0) ++count_of(fd);
  }
  // The events that the transfers on `fd` wait for, together, and how; 0: nobody waits.
  std::uint32_t wanted_on(int fd) noexcept REQUIRES(mutex_);
  // Registers `fd` for what is wanted on it, for one shot, or for edges if one of them
  // asks for that; rearm() one that is registered already (else ENOENT). 0 or an error
  // number.
  int add(int fd) noexcept REQUIRES(mutex_);
  int arm(int operation, int fd) noexcept REQUIRES(mutex_);
  int rearm(int fd) noexcept REQUIRES(mutex_);

  ResultSink& sink_;
  Statistics& statistics_;
  ThreadStarter* const starter_;

  sys::Mutex mutex_;
  sys::OwnDescriptor epoll_;  // replaced under mutex_, as the next
  sys::Doorbell wake_;
  std::array<TransferQueue, bucket_count> buckets_ GUARDED_BY(mutex_);
  std::array<std::uint32_t, bucket_count> counts_ GUARDED_BY(mutex_){};
  // Not later than the first deadline of all that are watched.
  std::int64_t next_deadline_ns_ GUARDED_BY(mutex_) = INT64_MAX;
  std::atomic<std::uint32_t> watched_count_{0};
};

}  // namespace kaio
