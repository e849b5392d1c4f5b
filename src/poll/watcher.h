// SPDX-License-Identifier: MIT
// One thread that waits, by epoll, for the readiness of any number of streams:
// those that IOCB_CMD_POLL refuses, those beyond its share of the ring, and all of
// them where there is no kernel AIO. Started when first needed.
//
// epoll drops a descriptor in silence when the program closes it. So twice a second
// the registrations are audited, and requests whose descriptor is gone end with
// EBADF.
#pragma once

#include <array>

#include "request/request_list.h"
#include "request/sinks.h"
#include "request/statistics.h"
#include "sys/mutex.h"

namespace kaio {

class Watcher {
 public:
  Watcher(AnswerSink& sink, Statistics& statistics) noexcept
      : sink_(sink), statistics_(statistics) {}

  // Waits until request.operation can go on (attempt `readiness`, state
  // `watched`); the answer is a poll mask or a negative error number. False, and
  // nothing done: the thread cannot be made.
  bool watch(Request& request) noexcept EXCLUDES(mutex_);

  // Takes a watched request out, to be cancelled (state `starting`). False: it is
  // not watched (any more).
  bool remove(Request& request) noexcept EXCLUDES(mutex_);

  void forget_after_fork() noexcept;

 private:
  static constexpr std::size_t bucket_count = 1024;

  bool ensure_running() noexcept EXCLUDES(start_mutex_);
  [[noreturn]] void run();
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

  sys::Mutex start_mutex_;
  std::atomic<bool> running_{false};  // release: publishes the descriptors
  int epoll_fd_ = -1;
  int wake_fd_ = -1;

  sys::Mutex mutex_;
  std::array<RequestQueue, bucket_count> buckets_ GUARDED_BY(mutex_);
  std::atomic<std::uint32_t> watched_count_{0};
};

}  // namespace kaio
