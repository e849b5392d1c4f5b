// SPDX-License-Identifier: MIT
// One thread that waits, by epoll, for the readiness of any number of streams:
// those that IOCB_CMD_POLL refuses, those beyond its share of the ring, and all of
// them where there is no kernel AIO. Started when needed; ends when it has had nothing to
// watch for a while.
//
// The program may close the number of the epoll instance: then the next request makes
// another one, registers again what is waited for, and another thread sleeps on it.
//
// epoll drops a descriptor in silence when the program closes it. So twice a second
// the registrations are audited, and requests whose descriptor is gone end with
// EBADF.
#pragma once

#include <array>

#include "request/request_list.h"
#include "request/sinks.h"
#include "request/statistics.h"
#include "sys/lazy_thread.h"
#include "sys/own_descriptor.h"

namespace kaio {

class Watcher final : private sys::LazyThread {
 public:
  Watcher(AnswerSink& sink, Statistics& statistics) noexcept
      : LazyThread("kaio-watcher"), sink_(sink), statistics_(statistics) {}

  // Waits until request.operation can go on (attempt `readiness`, state
  // `watched`); the answer is a poll mask or a negative error number. False, and
  // nothing done: the thread cannot be made.
  bool watch(Request& request) noexcept EXCLUDES(mutex_);

  // Takes a watched request out, to be cancelled (state `starting`). False: it is
  // not watched (any more).
  bool remove(Request& request) noexcept EXCLUDES(mutex_);

  void forget_after_fork() noexcept { epoll_.close(); }

 private:
  static constexpr std::size_t bucket_count = 1024;

  void started() noexcept override { statistics_.count(Count::threads_started); }
  void ended() noexcept override { statistics_.count(Count::threads_ended); }
  void run(Turn turn) override;
  bool is_idle() const noexcept { return watched_count_.load(std::memory_order_seq_cst) == 0; }
  // The epoll instance is there, with everything registered.
  bool ensure_epoll() noexcept EXCLUDES(mutex_);
  void answer_ready(int fd, std::uint32_t events) noexcept EXCLUDES(mutex_);
  void audit() noexcept EXCLUDES(mutex_);
  void answer_all(RequestQueue& requests, std::int32_t answer);
  RequestQueue& bucket_of(int fd) noexcept REQUIRES(mutex_) {
    return buckets_[static_cast<unsigned>(fd) % bucket_count];
  }
  // Moves the requests on `fd` that `events` concern out of its bucket.
  void take(int fd, std::uint32_t events, RequestQueue& taken) noexcept REQUIRES(mutex_);
  // The events that the requests on `fd` wait for, together.
  std::uint32_t wanted_on(int fd) noexcept REQUIRES(mutex_);
  // Registers `fd`, for one shot, for what is wanted on it; rearm() one that is
  // registered already (else ENOENT). 0 or an error number.
  int add(int fd) noexcept REQUIRES(mutex_);
  int rearm(int fd) noexcept REQUIRES(mutex_);

  AnswerSink& sink_;
  Statistics& statistics_;

  sys::Mutex mutex_;
  sys::OwnDescriptor epoll_;  // replaced under mutex_
  std::array<RequestQueue, bucket_count> buckets_ GUARDED_BY(mutex_);
  std::atomic<std::uint32_t> watched_count_{0};
};

}  // namespace kaio
