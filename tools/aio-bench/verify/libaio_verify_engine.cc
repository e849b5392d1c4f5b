// SPDX-License-Identifier: MIT
#include "base/errors.h"
#include "engines/libaio_engine.h"
#include "verify/verify_engines.h"

#include <cerrno>
#include <fmt/format.h>
#include <libaio.h>

namespace aio_bench {

namespace {

class LibaioVerifyEngine final : public VerifyEngine {
 public:
  LibaioVerifyEngine(int fd, unsigned depth) : fd_(fd), iocbs_(depth), events_(depth) {
    const int outcome = io_setup(static_cast<int>(depth), &context_);
    if (outcome != 0) throw RunError(kernel_aio_refusal_text(outcome, depth));
  }

  ~LibaioVerifyEngine() override { io_destroy(context_); }
  LibaioVerifyEngine(const LibaioVerifyEngine&) = delete;
  LibaioVerifyEngine& operator=(const LibaioVerifyEngine&) = delete;

  bool submit(unsigned slot, const VerifyRequest& request) override {
    iocb* one = &iocbs_[slot];
    const auto fill = request.is_write ? io_prep_pwrite : io_prep_pread;
    fill(one, fd_, request.buffer, request.size_bytes,
         static_cast<long long>(request.offset_bytes));
    const int accepted = io_submit(context_, 1, &one);
    if (accepted == -EAGAIN) return false;
    if (accepted < 0) refused_.push_back({.slot = slot, .result = accepted});
    return true;
  }

  // io_cancel() works for polls only, and says EINVAL of all others.
  void cancel(unsigned) override {}
  bool can_cancel() const noexcept override { return false; }

  void wait(std::vector<VerifyCompletion>& completions) override {
    if (!refused_.empty()) {
      completions.insert(completions.end(), refused_.begin(), refused_.end());
      refused_.clear();
      return;
    }
    timespec patience{.tv_sec = patience_ns / 1'000'000'000, .tv_nsec = 0};
    const int count =
        io_getevents(context_, 1, static_cast<long>(events_.size()), events_.data(), &patience);
    if (count == -EINTR) return;
    if (count <= 0)
      throw RunError(fmt::format("libaio: io_getevents: {}",
                                 count == 0 ? "nothing completed" : error_text(-count)));
    for (int i = 0; i < count; ++i) {
      const io_event& event = events_[static_cast<std::size_t>(i)];
      // libaio declares the result unsigned; the kernel's is signed.
      completions.push_back({.slot = static_cast<unsigned>(event.obj - iocbs_.data()),
                             .result = static_cast<std::int64_t>(event.res)});
    }
  }

 private:
  const int fd_;
  io_context_t context_ = nullptr;
  std::vector<iocb> iocbs_;
  std::vector<io_event> events_;
  std::vector<VerifyCompletion> refused_;
};

}  // namespace

std::unique_ptr<VerifyEngine> make_libaio_verify_engine(int fd, unsigned depth) {
  return std::make_unique<LibaioVerifyEngine>(fd, depth);
}

}  // namespace aio_bench
