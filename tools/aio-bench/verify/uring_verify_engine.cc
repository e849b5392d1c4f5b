// SPDX-License-Identifier: MIT
#include "base/errors.h"
#include "engines/uring_refusal.h"
#include "verify/verify_engines.h"

#include <cerrno>
#include <fmt/format.h>
#include <liburing.h>

namespace aio_bench {

namespace {

// Of the answers to cancellations, which nobody waits for.
constexpr std::uint64_t answer_to_cancel = ~UINT64_C(0);

class UringVerifyEngine final : public VerifyEngine {
 public:
  UringVerifyEngine(int fd, unsigned depth) : fd_(fd) {
    // Room for a cancellation of each, too.
    const int outcome = io_uring_queue_init(2 * depth, &ring_, 0);
    if (outcome != 0) throw RunError(uring_refusal_text(outcome, 2 * depth));
  }

  ~UringVerifyEngine() override { io_uring_queue_exit(&ring_); }
  UringVerifyEngine(const UringVerifyEngine&) = delete;
  UringVerifyEngine& operator=(const UringVerifyEngine&) = delete;

  bool submit(unsigned slot, const VerifyRequest& request) override {
    io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
    if (entry == nullptr) return false;
    const auto fill = [&](auto prepare) {
      prepare(entry, fd_, request.buffer, static_cast<unsigned>(request.size_bytes),
              request.offset_bytes);
    };
    request.is_write ? fill(io_uring_prep_write) : fill(io_uring_prep_read);
    io_uring_sqe_set_data64(entry, slot);
    hand_over();
    return true;
  }

  void cancel(unsigned slot) override {
    io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
    if (entry == nullptr) return;
    io_uring_prep_cancel64(entry, slot, 0);
    io_uring_sqe_set_data64(entry, answer_to_cancel);
    hand_over();
  }

  void wait(std::vector<VerifyCompletion>& completions) override {
    __kernel_timespec patience{.tv_sec = patience_ns / 1'000'000'000, .tv_nsec = 0};
    io_uring_cqe* entry = nullptr;
    const int outcome = io_uring_wait_cqe_timeout(&ring_, &entry, &patience);
    if (outcome == -EINTR) return;
    if (outcome != 0)
      throw RunError(fmt::format("io_uring: waiting: {}",
                                 outcome == -ETIME ? "nothing completed" : error_text(-outcome)));
    unsigned head = 0, count = 0;
    io_uring_for_each_cqe(&ring_, head, entry) {
      ++count;
      if (entry->user_data != answer_to_cancel)
        completions.push_back(
            {.slot = static_cast<unsigned>(entry->user_data), .result = entry->res});
    }
    io_uring_cq_advance(&ring_, count);
  }

 private:
  // What the kernel does not take now, it takes with the next call.
  void hand_over() {
    const int outcome = io_uring_submit(&ring_);
    if (outcome < 0 && outcome != -EAGAIN && outcome != -EBUSY && outcome != -EINTR)
      throw RunError(fmt::format("io_uring: io_uring_submit: {}", error_text(-outcome)));
  }

  const int fd_;
  io_uring ring_{};
};

}  // namespace

std::unique_ptr<VerifyEngine> make_uring_verify_engine(int fd, unsigned depth) {
  return std::make_unique<UringVerifyEngine>(fd, depth);
}

}  // namespace aio_bench
