// SPDX-License-Identifier: MIT
// What aio_suspend() and lio_listio(LIO_WAIT) wait for.
#pragma once

#include <span>

#include "posix/api/aiocb_cell.h"
#include "posix/process/runtime.h"

namespace kaio {

using AiocbList = std::span<const aiocb* const>;

// Whether the requests still in progress among `list` will end by the ring. `some` if
// nobody can tell: the leader is woken for those that do not.
WaitSet::OnRing on_ring(const Context& context, const Requests& requests, AiocbList list) noexcept;

// Until one of the list is done. Done too if there is none to wait for.
class AnyDone final : public FutexWaitSet {
 public:
  AnyDone(Runtime& runtime, AiocbList list) noexcept
      : context_(runtime.context), requests_(runtime.requests),
        event_counts_(runtime.completer.event_counts()), list_(list) {}
  bool done() const override;
  OnRing on_ring() const override { return kaio::on_ring(context_, requests_, list_); }
  bool mark() override;
  std::size_t words(std::span<sys::FutexExpectation> space) override;

 private:
  bool any_ended() const;
  // Rather by event count than by the words of its requests.
  bool is_long() const noexcept { return list_.size() > follow_words_max; }
  std::uint32_t marked(std::uint32_t word) const noexcept;

  const Context& context_;
  const Requests& requests_;
  EventCounts& event_counts_;
  AiocbList list_;
  const std::uint32_t event_count_number_ = EventCounts::own_number();
  // What a long list sleeps on, as it was before the last look.
  std::array<sys::FutexExpectation, 2> counts_seen_;
  // Each has been seen with its request. From then on its status word says it all, and
  // long lists are looked at several times without touching the requests.
  mutable bool all_found_ = false;
};

// Until all of a group are.
class GroupDone final : public FutexWaitSet {
 public:
  GroupDone(const Context& context, const RequestGroup& group) noexcept
      : context_(context), group_(group) {}
  bool done() const override { return group_.all_done.load(std::memory_order_seq_cst) != 0; }
  // Not looked up: callbacks may have freed the aiocbs of those that are done.
  OnRing on_ring() const override {
    return context_.ready() && context_.in_flight() > 0 ? OnRing::some : OnRing::none;
  }
  bool mark() override { return done(); }
  bool one_is_enough() const override {
    return group_.remaining.load(std::memory_order_relaxed) <= 1;
  }
  bool is_cancellation_point() const override { return false; }
  std::size_t words(std::span<sys::FutexExpectation> space) override {
    space[0] = {.expected = 0, .word = &group_.all_done};
    return 1;
  }

 private:
  const Context& context_;
  const RequestGroup& group_;
};

}  // namespace kaio
