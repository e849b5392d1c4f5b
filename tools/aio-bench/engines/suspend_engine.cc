// SPDX-License-Identifier: MIT
// POSIX AIO with aio_suspend(), or without it by asking aio_error() again and
// again: the program looks which of its requests are done. The list is kept
// without gaps, as a careful program does: what an implementation does with
// NULLs is not measured.
#include "base/clock.h"
#include "base/errors.h"
#include "base/interrupt.h"
#include "engines/posix_engine.h"

#include <cerrno>
#include <fmt/format.h>

namespace aio_bench {

namespace {

class LookingEngine : public PosixEngine {
 public:
  LookingEngine(const PosixAio& functions, const EngineSetup& setup)
      : PosixEngine(functions, setup) {
    outstanding_.reserve(setup.transfers.size());
  }

  std::size_t submit(std::span<const unsigned> slots) override {
    const std::size_t accepted = PosixEngine::submit(slots);
    for (const unsigned slot : slots.first(accepted)) outstanding_.push_back(&requests()[slot]);
    return accepted;
  }

 protected:
  const std::vector<const aiocb*>& outstanding() const noexcept { return outstanding_; }

  void take_finished(std::vector<Completion>& completions) {
    for (std::size_t i = 0; i < outstanding_.size();) {
      const unsigned slot = slot_of(outstanding_[i]);
      if (!is_done(slot)) {
        ++i;
        continue;
      }
      completions.push_back(take_result(slot));
      outstanding_[i] = outstanding_.back();
      outstanding_.pop_back();
    }
  }

 private:
  std::vector<const aiocb*> outstanding_;
};

class SuspendEngine final : public LookingEngine {
 public:
  using LookingEngine::LookingEngine;

  void wait(std::vector<Completion>& completions, std::int64_t deadline_ns) override {
    const std::int64_t begin_ns = now_ns();
    for (;;) {
      const timespec step = step_until(deadline_ns);
      if (functions().suspend(outstanding().data(), static_cast<int>(outstanding().size()),
                              &step) == 0)
        break;
      if (errno == EINTR) return;
      if (errno != EAGAIN)
        throw RunError(fmt::format("{}: aio_suspend: {} with {} requests in flight",
                                   functions().name, error_text(errno), outstanding().size()));
      const std::int64_t now = now_ns();
      if (now >= deadline_ns) return;
      if (now - begin_ns > patience_ns)
        throw RunError(fmt::format("{}: aio_suspend: nothing completed", functions().name));
    }
    take_finished(completions);
  }
};

class PollEngine final : public LookingEngine {
 public:
  using LookingEngine::LookingEngine;

  void wait(std::vector<Completion>& completions, std::int64_t deadline_ns) override {
    const std::int64_t begin_ns = now_ns();
    do {
      take_finished(completions);
      if (!completions.empty() || interrupted()) return;
      if (now_ns() - begin_ns > patience_ns)
        throw RunError(fmt::format("{}: nothing completed", functions().name));
    } while (now_ns() < deadline_ns);
  }
};

}  // namespace

std::unique_ptr<Engine> make_suspend_engine(const PosixAio& functions, const EngineSetup& setup) {
  return std::make_unique<SuspendEngine>(functions, setup);
}

std::unique_ptr<Engine> make_poll_engine(const PosixAio& functions, const EngineSetup& setup) {
  return std::make_unique<PollEngine>(functions, setup);
}

}  // namespace aio_bench
