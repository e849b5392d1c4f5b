// SPDX-License-Identifier: MIT
// POSIX AIO with aio_suspend(): the program waits for what it has outstanding,
// and looks which of it is done. The list is kept without gaps, as a careful
// program does: what an implementation does with NULLs is not measured.
#include "clock.h"
#include "errors.h"
#include "posix_engine.h"

#include <cerrno>
#include <fmt/format.h>

namespace aio_bench {

namespace {

class SuspendEngine final : public PosixEngine {
 public:
  SuspendEngine(const PosixAio& functions, const EngineSetup& setup)
      : PosixEngine(functions, setup) {
    outstanding_.reserve(setup.transfers.size());
  }

  std::size_t submit(std::span<const unsigned> slots) override {
    const std::size_t accepted = PosixEngine::submit(slots);
    for (const unsigned slot : slots.first(accepted)) outstanding_.push_back(&requests()[slot]);
    return accepted;
  }

  void wait(std::vector<Completion>& completions) override {
    static constexpr timespec patience{.tv_sec = patience_ns / 1'000'000'000, .tv_nsec = 0};
    const int waited =
        functions().suspend(outstanding_.data(), static_cast<int>(outstanding_.size()), &patience);
    if (waited != 0 && errno == EINTR) return;
    if (waited != 0)
      throw RunError(fmt::format("{}: aio_suspend: {} with {} requests in flight",
                                 functions().name, error_text(errno), outstanding_.size()));
    for (std::size_t i = 0; i < outstanding_.size();) {
      if (functions().error(outstanding_[i]) == EINPROGRESS) {
        ++i;
        continue;
      }
      completions.push_back(
          take_result(static_cast<unsigned>(outstanding_[i] - requests().data())));
      outstanding_[i] = outstanding_.back();
      outstanding_.pop_back();
    }
  }

 private:
  std::vector<const aiocb*> outstanding_;
};

}  // namespace

std::unique_ptr<Engine> make_suspend_engine(const PosixAio& functions, const EngineSetup& setup) {
  return std::make_unique<SuspendEngine>(functions, setup);
}

}  // namespace aio_bench
