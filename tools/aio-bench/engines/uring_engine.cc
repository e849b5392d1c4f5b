// SPDX-License-Identifier: MIT
#include "engines/uring_engine.h"

#include "base/clock.h"
#include "base/errors.h"
#include "base/interrupt.h"
#include "engines/event_counter.h"
#include "engines/uring_refusal.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <liburing.h>

namespace aio_bench {

namespace {

// The calls are made here, not by liburing's waiting functions, because those do
// not tell whether they made one.
class UringEngine final : public Engine {
 public:
  explicit UringEngine(const EngineSetup& setup) : setup_(setup) {
    set_up(static_cast<unsigned>(setup.transfers.size()));
    // Saves each call a look at the descriptor; Linux 5.18.
    is_registered_ = io_uring_register_ring_fd(&ring_) == 1;
    if (setup.notify == Notify::eventfd) {
      counter_.emplace();
      const int outcome = io_uring_register_eventfd(&ring_, counter_->descriptor());
      if (outcome != 0) {
        io_uring_queue_exit(&ring_);
        throw RunError(fmt::format("io_uring: no eventfd: {}", error_text(-outcome)));
      }
    }
  }

  ~UringEngine() override { io_uring_queue_exit(&ring_); }
  UringEngine(const UringEngine&) = delete;
  UringEngine& operator=(const UringEngine&) = delete;

  std::size_t submit(std::span<const unsigned> slots) override {
    // What an earlier call could not hand over still waits in the ring.
    for (const unsigned slot : slots.subspan(std::min(in_ring_, slots.size()))) prepare(slot);
    in_ring_ = slots.size();
    const std::int64_t before_ns = now_ns();
    const int accepted = io_uring_submit(&ring_);
    ++system_call_count_;
    if (accepted < 0 && accepted != -EAGAIN && accepted != -EBUSY && accepted != -EINTR)
      throw RunError(fmt::format("io_uring: a request was refused: {}", error_text(-accepted)));
    const std::int64_t after_ns = now_ns();
    const auto count = static_cast<std::size_t>(std::max(accepted, 0));
    for (const unsigned slot : slots.first(count)) {
      setup_.transfers[slot].started_ns = before_ns;
      setup_.transfers[slot].accepted_ns = after_ns;
    }
    in_ring_ -= count;
    return count;
  }

  void wait(std::vector<Completion>& completions, std::int64_t deadline_ns) override {
    const std::int64_t give_up_ns = now_ns() + patience_ns;
    const std::int64_t until_ns = std::min(deadline_ns, give_up_ns);
    while (!take(completions) && !interrupted() && now_ns() < until_ns) {
      if (setup_.notify == Notify::poll) continue;
      if (!sleep_until(until_ns)) break;
    }
    if (completions.empty() && !interrupted() && now_ns() >= give_up_ns)
      throw RunError("io_uring: nothing completed");
  }

  std::optional<std::uint64_t> system_call_count() const override {
    return system_call_count_ + (counter_ ? counter_->system_call_count() : 0);
  }

 private:
  void set_up(unsigned depth) {
    // Completions then wait until the program asks for them, which saves it the
    // interruptions; but they do not appear to one that only looks.
    const bool asks = setup_.notify == Notify::suspend;
    int outcome = -EINVAL;
    if (asks)
      outcome = io_uring_queue_init(depth, &ring_,
                                    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    // Before Linux 6.1.
    if (outcome == -EINVAL) outcome = io_uring_queue_init(depth, &ring_, 0);
    if (outcome != 0) throw RunError(uring_refusal_text(outcome, depth));
  }

  void prepare(unsigned slot) noexcept {
    const Transfer& transfer = setup_.transfers[slot];
    const auto offset = static_cast<std::uint64_t>(transfer.offset_bytes);
    const bool is_read = transfer.operation == Operation::read;
    io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
    if (transfer.operation == Operation::sync) {
      io_uring_prep_fsync(entry, setup_.fd, 0);
    } else if (transfer.pieces.empty()) {
      const auto size = static_cast<unsigned>(transfer.size_bytes);
      if (is_read)
        io_uring_prep_read(entry, setup_.fd, transfer.buffer, size, offset);
      else
        io_uring_prep_write(entry, setup_.fd, transfer.buffer, size, offset);
    } else {
      const auto count = static_cast<unsigned>(transfer.pieces.size());
      if (is_read)
        io_uring_prep_readv(entry, setup_.fd, transfer.pieces.data(), count, offset);
      else
        io_uring_prep_writev(entry, setup_.fd, transfer.pieces.data(), count, offset);
    }
    io_uring_sqe_set_data64(entry, slot);
  }

  // False when there was nothing.
  bool take(std::vector<Completion>& completions) {
    std::array<io_uring_cqe*, 64> entries;
    unsigned taken_count = 0;
    while (const unsigned count = io_uring_peek_batch_cqe(&ring_, entries.data(), entries.size())) {
      for (const io_uring_cqe* const entry : std::span(entries).first(count))
        completions.push_back(
            {.slot = static_cast<unsigned>(entry->user_data), .result = entry->res});
      io_uring_cq_advance(&ring_, count);
      taken_count += count;
    }
    return taken_count > 0;
  }

  // False when a signal handler ran.
  bool sleep_until(std::int64_t time_ns) {
    const std::int64_t left_ns = std::max<std::int64_t>(time_ns - now_ns(), 0);
    if (counter_) {
      counter_->wait({.tv_sec = left_ns / 1'000'000'000, .tv_nsec = left_ns % 1'000'000'000});
      return !counter_->was_interrupted();
    }
    __kernel_timespec timeout{.tv_sec = left_ns / 1'000'000'000,
                              .tv_nsec = left_ns % 1'000'000'000};
    io_uring_getevents_arg argument{};
    argument.ts = reinterpret_cast<std::uintptr_t>(&timeout);
    ++system_call_count_;
    const int outcome = io_uring_enter2(
        static_cast<unsigned>(is_registered_ ? ring_.enter_ring_fd : ring_.ring_fd), 0, 1,
        IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG |
            (is_registered_ ? IORING_ENTER_REGISTERED_RING : 0),
        reinterpret_cast<sigset_t*>(&argument), sizeof argument);
    if (outcome < 0 && outcome != -ETIME && outcome != -EINTR)
      throw RunError(fmt::format("io_uring: io_uring_enter: {}", error_text(-outcome)));
    return outcome != -EINTR;
  }

  EngineSetup setup_;
  io_uring ring_{};
  bool is_registered_ = false;
  std::optional<EventCounter> counter_;
  std::size_t in_ring_ = 0;
  std::uint64_t system_call_count_ = 0;
};

}  // namespace

std::unique_ptr<Engine> make_uring_engine(const EngineSetup& setup) {
  return std::make_unique<UringEngine>(setup);
}

}  // namespace aio_bench
