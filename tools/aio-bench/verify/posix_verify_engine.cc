// SPDX-License-Identifier: MIT
#include "base/errors.h"
#include "engines/posix_aio.h"
#include "verify/verify_engines.h"

#include <cerrno>
#include <fmt/format.h>

namespace aio_bench {

namespace {

class PosixVerifyEngine final : public VerifyEngine {
 public:
  PosixVerifyEngine(const PosixAio& functions, int fd, unsigned depth)
      : functions_(functions), fd_(fd), requests_(depth) {}

  bool submit(unsigned slot, const VerifyRequest& request) override {
    aiocb& block = requests_[slot];
    block = {};
    block.aio_fildes = fd_;
    block.aio_buf = request.buffer;
    block.aio_nbytes = request.size_bytes;
    block.aio_offset = static_cast<off_t>(request.offset_bytes);
    block.aio_sigevent.sigev_notify = SIGEV_NONE;
    if ((request.is_write ? functions_.write : functions_.read)(&block) == 0) {
      outstanding_.push_back(&block);
      return true;
    }
    if (errno == EAGAIN) return false;
    refused_.push_back({.slot = slot, .result = -errno});
    return true;
  }

  void cancel(unsigned slot) override {
    aiocb* const request = &requests_[slot];
    ++cancel_count_;
    const int answer = functions_.cancel(fd_, request);
    const int status = functions_.error(request);
    if (answer < 0)
      throw RunError(fmt::format("{}: aio_cancel: {}", functions_.name, error_text(errno)));
    // POSIX: AIO_CANCELED, the requested operation was cancelled; its status is
    // ECANCELED.
    if (answer == AIO_CANCELED && status != ECANCELED)
      throw RunError(fmt::format("{}: aio_cancel said AIO_CANCELED, but aio_error says: {}",
                                 functions_.name, error_text(status)));
    if (answer == AIO_ALLDONE && status == EINPROGRESS)
      throw RunError(
          fmt::format("{}: aio_cancel said AIO_ALLDONE of a request in progress", functions_.name));
  }

  void wait(std::vector<VerifyCompletion>& completions) override {
    completions.insert(completions.end(), refused_.begin(), refused_.end());
    const bool has_refused = !refused_.empty();
    refused_.clear();
    if (outstanding_.empty()) return;
    const timespec patience{.tv_sec = has_refused ? 0 : patience_ns / 1'000'000'000, .tv_nsec = 0};
    const int waited =
        functions_.suspend(outstanding_.data(), static_cast<int>(outstanding_.size()), &patience);
    if (waited != 0 && (errno == EINTR || has_refused)) return;
    if (waited != 0)
      throw RunError(fmt::format(
          "{}: aio_suspend: {} with {} requests in flight{}", functions_.name,
          errno == EAGAIN ? fmt::format("nothing completed for {} s", patience_ns / 1'000'000'000)
                          : error_text(errno),
          outstanding_.size(),
          cancel_count_ == 0 ? ""
                             : fmt::format(", after {} calls of aio_cancel (leave them out "
                                           "with --cancel 0)",
                                           cancel_count_)));
    std::erase_if(outstanding_, [&](const aiocb* request) {
      const int status = functions_.error(request);
      if (status == EINPROGRESS) return false;
      const auto slot = static_cast<unsigned>(request - requests_.data());
      const ssize_t result = functions_.result(&requests_[slot]);
      completions.push_back({.slot = slot, .result = status != 0 ? -status : result});
      return true;
    });
  }

 private:
  const PosixAio& functions_;
  const int fd_;
  std::vector<aiocb> requests_;
  std::vector<const aiocb*> outstanding_;
  std::vector<VerifyCompletion> refused_;
  unsigned cancel_count_ = 0;
};

}  // namespace

std::unique_ptr<VerifyEngine> make_posix_verify_engine(const PosixAio& functions, int fd,
                                                       unsigned depth) {
  return std::make_unique<PosixVerifyEngine>(functions, fd, depth);
}

}  // namespace aio_bench
