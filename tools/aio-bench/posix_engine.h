// SPDX-License-Identifier: MIT
// What the POSIX engines share: the aiocbs, and submitting them one by one. They
// differ in how they learn of completions.
#pragma once

#include "engine.h"
#include "posix_aio.h"

#include <memory>
#include <vector>

namespace aio_bench {

class PosixEngine : public Engine {
 public:
  std::size_t submit(std::span<const unsigned> slots) override;

 protected:
  PosixEngine(const PosixAio& functions, const EngineSetup& setup);

  const PosixAio& functions() const noexcept { return functions_; }
  std::vector<aiocb>& requests() noexcept { return requests_; }
  bool is_in_flight(unsigned slot) const noexcept { return in_flight_[slot] != 0; }

  // Takes the result of a finished request, as every program has to.
  Completion take_result(unsigned slot);

  // For engines that are told of completions, when none told them anything for
  // a second. Throws RunError when the same finished requests stay unannounced.
  void look_for_lost_notifications(bool is_first_look);

 private:
  const PosixAio& functions_;
  EngineSetup setup_;
  std::vector<aiocb> requests_;
  std::vector<char> in_flight_;
  std::vector<unsigned> unannounced_;
  std::int64_t silent_since_ns_ = 0;
};

std::unique_ptr<Engine> make_suspend_engine(const PosixAio&, const EngineSetup&);
std::unique_ptr<Engine> make_signal_engine(const PosixAio&, const EngineSetup&);
std::unique_ptr<Engine> make_thread_engine(const PosixAio&, const EngineSetup&);

// Throws RunError when this process may not have `depth` signals pending.
void check_signal_limit(unsigned depth);

}  // namespace aio_bench
