// SPDX-License-Identifier: MIT
// What the POSIX engines share: the aiocbs, and submitting them one by one. They
// differ in how they learn of completions.
#pragma once

#include "engines/engine.h"
#include "engines/posix_aio.h"

#include <memory>
#include <vector>

namespace aio_bench {

class PosixEngine : public Engine {
 public:
  std::size_t submit(std::span<const unsigned> slots) override;
  std::optional<std::uint64_t> system_call_count() const override;

 protected:
  PosixEngine(const PosixAio& functions, const EngineSetup& setup);

  const PosixAio& functions() const noexcept { return functions_; }
  std::vector<aiocb>& requests() noexcept { return requests_; }
  std::span<Transfer> transfers() noexcept { return setup_.transfers; }

  // Fills the aiocb with what the transfer asks for.
  void prepare(unsigned slot) noexcept;
  void mark_in_flight(unsigned slot, bool is_in_flight) noexcept {
    in_flight_[slot] = is_in_flight ? 1 : 0;
  }
  bool is_done(unsigned slot) noexcept { return functions_.error(&requests_[slot]) != EINPROGRESS; }
  unsigned slot_of(const aiocb* request) const noexcept {
    return static_cast<unsigned>(request - requests_.data());
  }

  // Takes the result of a finished request, as every program has to.
  Completion take_result(unsigned slot);

  [[noreturn]] void refuse(unsigned slot, int error) const;

  // Waits in steps of at most a second, so that what was lost is found out. The
  // time of one step; zero when the deadline has passed.
  timespec step_until(std::int64_t deadline_ns) const noexcept;

  // For engines that are told of completions, when none told them anything for
  // a step. Throws RunError when finished requests stay unannounced for seconds, or
  // nothing completes at all.
  void look_for_lost_notifications();
  void note_completion() noexcept { silent_since_ns_ = 0; }

 private:
  int call(unsigned slot);
  bool has_anything_in_flight() const noexcept;

  const PosixAio& functions_;
  EngineSetup setup_;
  std::vector<aiocb> requests_;
  std::vector<char> in_flight_;
  std::vector<unsigned> unannounced_;  // finished, and nobody said so
  std::int64_t unannounced_since_ns_ = 0;
  std::int64_t silent_since_ns_ = 0;  // 0: something came since the last look
};

std::unique_ptr<Engine> make_suspend_engine(const PosixAio&, const EngineSetup&);
std::unique_ptr<Engine> make_poll_engine(const PosixAio&, const EngineSetup&);
std::unique_ptr<Engine> make_waitcomplete_engine(const PosixAio&, const EngineSetup&);
std::unique_ptr<Engine> make_list_engine(const PosixAio&, const EngineSetup&);
std::unique_ptr<Engine> make_signal_engine(const PosixAio&, const EngineSetup&);
std::unique_ptr<Engine> make_thread_engine(const PosixAio&, const EngineSetup&);
std::unique_ptr<Engine> make_eventfd_engine(const PosixAio&, const EngineSetup&);

// Throws RunError when this process may not have `count` signals pending.
void check_signal_limit(unsigned count);

// Engines with signals fetch them; each job has a signal number of its own. To be
// called before there are other threads, which inherit it.
void block_notification_signals();

}  // namespace aio_bench
