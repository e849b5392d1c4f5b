// SPDX-License-Identifier: MIT
// Everything that ending and waiting take, over kernel AIO in memory; what the ring
// answers is complete at once.
#pragma once

#include "posix/wait/waiter.h"
#include "posix/request/deferred.h"
#include "support/deadline.h"
#include "unit/core/kernel/fake_kernel.h"

#include <memory>
#include <poll.h>
#include <sys/eventfd.h>

namespace unit {

struct CompletionBench final : kaio::ResultSink, kaio::PeriodicWork {
  CompletionBench() { context.available(); }

  // In progress on descriptor 7, entered in its record. `of_ring`: it has a place there.
  kaio::Request& begin(kaio::StatusCell& cell, bool of_ring = false) {
    kaio::Request& request = *requests->slab.allocate();
    cell.word = kaio::status::in_progress;
    request.cell = &cell;
    request.notification = {};
    request.group = nullptr;
    request.done_bytes = 0;
    request.operation = kaio::IoOperation();
    request.operation.fd = descriptor;
    kaio::RecordLock lock(record());
    const kaio::Occupancy::View before = kaio::order::enter(record(), request);
    kaio::order::admit(record(), request, before, false);
    if (of_ring) context.reserve();
    return request;
  }
  kaio::DescriptorRecord& record() { return *requests->descriptors.at(descriptor); }

  void on_result(kaio::Transfer& transfer, std::int32_t answer) override {
    completer.complete(kaio::request_of(transfer), answer);
  }
  void drain() override {
    kaio::deferred::drain([this](kaio::Request& request) { completer.notify(request); });
  }
  std::int64_t try_again() override { return completer.try_again(); }
  bool is_due() const noexcept override { return completer.is_due(); }

  static constexpr int descriptor = 7;

  FakeKernel kernel;
  kaio::KernelOptions options;
  kaio::Statistics statistics;
  std::unique_ptr<kaio::Requests> requests = std::make_unique<kaio::Requests>();
  kaio::Context context{options, statistics};
  kaio::RingReaper ring_reaper{context, *this};
  kaio::ReaperThread reaper_thread{ring_reaper, *this, *this, statistics};
  kaio::Completer completer{*requests, ring_reaper, reaper_thread, *this, statistics};
  kaio::Waiter waiter{ring_reaper, completer, *this};
};

// An eventfd for notifications.
class Counter {
 public:
  Counter() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~Counter() { ::close(fd_); }
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;
  int fd() const { return fd_; }
  std::uint64_t take() {
    std::uint64_t count = 0;
    return ::read(fd_, &count, sizeof count) == sizeof count ? count : 0;
  }

 private:
  int fd_;
};

}  // namespace unit
