// SPDX-License-Identifier: MIT
#include "base/clock.h"
#include "engines/blocking_call.h"
#include "engines/blocking_engines.h"

namespace aio_bench {

namespace {

class Preadv2Engine final : public Engine {
 public:
  explicit Preadv2Engine(const EngineSetup& setup) : setup_(setup) {}

  std::size_t submit(std::span<const unsigned> slots) override {
    for (const unsigned slot : slots) {
      Transfer& transfer = setup_.transfers[slot];
      transfer.started_ns = now_ns();
      const std::int64_t result = carry_out(setup_.fd, transfer);
      ++system_call_count_;
      transfer.accepted_ns = now_ns();
      done_.push_back({.slot = slot, .result = result});
    }
    return slots.size();
  }

  void wait(std::vector<Completion>& completions, std::int64_t) override {
    completions.insert(completions.end(), done_.begin(), done_.end());
    done_.clear();
  }

  std::optional<std::uint64_t> system_call_count() const override { return system_call_count_; }

 private:
  EngineSetup setup_;
  std::vector<Completion> done_;
  std::uint64_t system_call_count_ = 0;
};

}  // namespace

std::unique_ptr<Engine> make_preadv2_engine(const EngineSetup& setup) {
  return std::make_unique<Preadv2Engine>(setup);
}

}  // namespace aio_bench
