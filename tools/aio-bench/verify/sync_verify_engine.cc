// SPDX-License-Identifier: MIT
// preadv2 and pwritev2 on the calling thread: what all others are compared with.
#include "verify/transfer_now.h"
#include "verify/verify_engines.h"

#include <cerrno>

namespace aio_bench {

namespace {

class SyncVerifyEngine final : public VerifyEngine {
 public:
  explicit SyncVerifyEngine(int fd) : fd_(fd) {}

  bool submit(unsigned slot, const VerifyRequest& request) override {
    done_.push_back({.slot = slot, .result = transfer_now(fd_, request)});
    return true;
  }

  void cancel(unsigned) override {}
  bool can_cancel() const noexcept override { return false; }

  void wait(std::vector<VerifyCompletion>& completions) override {
    completions.insert(completions.end(), done_.begin(), done_.end());
    done_.clear();
  }

 private:
  const int fd_;
  std::vector<VerifyCompletion> done_;
};

}  // namespace

std::unique_ptr<VerifyEngine> make_sync_verify_engine(int fd) {
  return std::make_unique<SyncVerifyEngine>(fd);
}

}  // namespace aio_bench
