// SPDX-License-Identifier: MIT
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "base/text.h"
#include "engines/event_counter.h"
#include "engines/make_engine.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fmt/format.h>
#include <liburing.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <utility>

namespace aio_bench {

namespace {

constexpr unsigned most_entries = 32768;

// Before Linux 5.12 a ring counts as locked memory, unless root makes it.
std::string memory_text() {
  utsname names{};
  ::uname(&names);
  unsigned major = 0, minor = 0;
  rlimit limit{};
  if (std::sscanf(names.release, "%u.%u", &major, &minor) == 2 &&
      std::pair(major, minor) < std::pair(5U, 12U) && ::geteuid() != 0 &&
      ::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    return fmt::format(
        ": the limit of locked memory is {}: raise it with ulimit -l, or lower --depth or --jobs",
        size_text(limit.rlim_cur));
  return memory_advice(0);
}

// Of the negative error number that io_uring_setup() gave: why there can be no ring of so
// many entries, and what to do.
std::string refusal_text(int outcome, unsigned entry_count) {
  if (outcome == -EPERM || outcome == -ENOSYS || outcome == -EACCES)
    return fmt::format(
        "io_uring is not permitted here (io_uring_setup: {}; see sysctl kernel.io_uring_disabled, "
        "or the container's seccomp profile)",
        error_text(-outcome));
  if (outcome == -ENOMEM)
    return fmt::format("io_uring: no memory for {} requests{}", entry_count, memory_text());
  if (outcome == -EINVAL && entry_count > most_entries)
    return fmt::format("io_uring: a ring has at most {} entries, not {}: lower --depth",
                       most_entries, entry_count);
  return fmt::format("io_uring: io_uring_setup for {} requests: {}{}", entry_count,
                     error_text(-outcome), descriptor_advice(-outcome));
}

// Of the answers to cancellations, which nobody waits for.
constexpr std::uint64_t answer_to_cancel = ~UINT64_C(0);

// The calls are made here, not by liburing's waiting functions, because those do
// not tell whether they made one.
class UringEngine final : public IoEngine {
 public:
  explicit UringEngine(const EngineSetup& setup) : setup_(setup) {
    // Room for a cancellation of each, too.
    set_up(static_cast<unsigned>(setup.transfers.size()) * (setup.cancels ? 2 : 1));
    // Saves each call a look at the descriptor; Linux 5.18.
    is_registered_ = io_uring_register_ring_fd(&ring_) == 1;
    if (setup.notify == Notify::eventfd) {
      counter_.emplace();
      const int outcome = io_uring_register_eventfd(&ring_, counter_->descriptor());
      if (outcome != 0) {
        io_uring_queue_exit(&ring_);
        throw RunError("io_uring: no eventfd: {}", error_text(-outcome));
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
    const std::size_t accepted = hand_over();
    const std::int64_t after_ns = now_ns();
    // Cancellations that the kernel did not take at once are before them in the ring.
    const std::size_t cancel_count = std::min(accepted, cancels_in_ring_);
    cancels_in_ring_ -= cancel_count;
    in_ring_ -= accepted - cancel_count;
    const auto taken = slots.first(accepted - cancel_count);
    for (const unsigned slot : taken) {
      setup_.transfers[slot].started_ns = before_ns;
      setup_.transfers[slot].accepted_ns = after_ns;
    }
    return taken.size();
  }

  void cancel(unsigned slot) override {
    // It would hand those over that submit() has told are not accepted.
    if (in_ring_ != 0) return;
    io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
    if (entry == nullptr) return;
    io_uring_prep_cancel64(entry, slot, 0);
    io_uring_sqe_set_data64(entry, answer_to_cancel);
    ++cancels_in_ring_;
    cancels_in_ring_ -= hand_over();
  }
  bool can_cancel() const noexcept override { return true; }

  void wait(std::vector<Completion>& completions, std::int64_t deadline_ns) override {
    const std::int64_t give_up_ns = now_ns() + patience_ns;
    const std::int64_t until_ns = std::min(deadline_ns, give_up_ns);
    bool is_woken = false;
    while (!take(completions) && !is_woken && now_ns() < until_ns) {
      if (setup_.notify != Notify::poll) {
        // Ctrl-C before it sleeps does not wake it; and without a sleep the kernel may keep
        // back what is complete.
        constexpr std::int64_t moment_ns = 1'000'000;
        const std::int64_t longest_ns = interrupted() ? now_ns() + moment_ns : until_ns;
        is_woken = !sleep_until(std::min(longest_ns, until_ns));
      }
      is_woken = is_woken || interrupted();
    }
    if (completions.empty() && !interrupted() && now_ns() >= give_up_ns)
      throw RunError("io_uring: nothing completed");
  }

  std::optional<std::uint64_t> system_call_count() const override {
    return system_call_count_ + (counter_ ? counter_->system_call_count() : 0);
  }

 private:
  void set_up(unsigned entry_count) {
    // Completions then wait until the program asks for them, which saves it the
    // interruptions; but they do not appear to one that only looks.
    const bool asks = setup_.notify == Notify::suspend;
    int outcome = -EINVAL;
    if (asks)
      outcome = io_uring_queue_init(entry_count, &ring_,
                                    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    // Before Linux 6.1.
    if (outcome == -EINVAL) outcome = io_uring_queue_init(entry_count, &ring_, 0);
    if (outcome != 0) throw RunError(refusal_text(outcome, entry_count));
  }

  // What the kernel does not take now, it takes with the next call.
  std::size_t hand_over() {
    const int accepted = io_uring_submit(&ring_);
    ++system_call_count_;
    if (accepted < 0 && accepted != -EAGAIN && accepted != -EBUSY && accepted != -EINTR)
      throw RunError("io_uring: a request was refused: {}", error_text(-accepted));
    return static_cast<std::size_t>(std::max(accepted, 0));
  }

  void prepare(unsigned slot) noexcept {
    const Transfer& transfer = setup_.transfers[slot];
    const auto offset = static_cast<std::uint64_t>(transfer.offset_bytes);
    const bool is_read = transfer.operation == Operation::read;
    io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
    if (transfer.operation == Operation::sync)
      io_uring_prep_fsync(entry, setup_.fd, 0);
    else if (transfer.pieces.empty())
      io_uring_prep_rw(is_read ? IORING_OP_READ : IORING_OP_WRITE, entry, setup_.fd,
                       transfer.buffer, static_cast<unsigned>(transfer.size_bytes), offset);
    else
      io_uring_prep_rw(is_read ? IORING_OP_READV : IORING_OP_WRITEV, entry, setup_.fd,
                       transfer.pieces.data(), static_cast<unsigned>(transfer.pieces.size()),
                       offset);
    io_uring_sqe_set_data64(entry, slot);
  }

  // False when there was nothing.
  bool take(std::vector<Completion>& completions) {
    const std::size_t count_before = completions.size();
    std::array<io_uring_cqe*, 64> entries;
    while (const unsigned count = io_uring_peek_batch_cqe(&ring_, entries.data(), entries.size())) {
      for (const io_uring_cqe* const entry : std::span(entries).first(count))
        if (entry->user_data != answer_to_cancel)
          completions.push_back(
              {.slot = static_cast<unsigned>(entry->user_data), .result = entry->res});
      io_uring_cq_advance(&ring_, count);
    }
    return completions.size() > count_before;
  }

  // False when a signal handler ran.
  bool sleep_until(std::int64_t time_ns) {
    const timespec left = time_left_until(time_ns);
    if (counter_) {
      counter_->wait(left);
      return !counter_->was_interrupted();
    }
    __kernel_timespec timeout{.tv_sec = left.tv_sec, .tv_nsec = left.tv_nsec};
    io_uring_getevents_arg argument{};
    argument.ts = reinterpret_cast<std::uintptr_t>(&timeout);
    ++system_call_count_;
    const int outcome = io_uring_enter2(
        static_cast<unsigned>(is_registered_ ? ring_.enter_ring_fd : ring_.ring_fd), 0, 1,
        IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG |
            (is_registered_ ? IORING_ENTER_REGISTERED_RING : 0),
        reinterpret_cast<sigset_t*>(&argument), sizeof argument);
    if (outcome < 0 && outcome != -ETIME && outcome != -EINTR)
      throw RunError("io_uring: io_uring_enter: {}", error_text(-outcome));
    return outcome != -EINTR;
  }

  EngineSetup setup_;
  io_uring ring_{};
  bool is_registered_ = false;
  std::optional<EventCounter> counter_;
  std::size_t in_ring_ = 0;  // transfers that the kernel has not taken
  std::size_t cancels_in_ring_ = 0;
  std::uint64_t system_call_count_ = 0;
};

}  // namespace

std::unique_ptr<IoEngine> make_uring_engine(const EngineSetup& setup) {
  return std::make_unique<UringEngine>(setup);
}

}  // namespace aio_bench
