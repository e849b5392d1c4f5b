// SPDX-License-Identifier: MIT
// What the POSIX engines share: the aiocbs, and submitting them, one by one or by lists. They
// differ in how they learn of completions.
#pragma once

#include "engines/make_engine.h"
#include "engines/posix_aio.h"

#include <vector>

namespace aio_bench {

class PosixEngine : public IoEngine {
 public:
  PosixEngine(const PosixAio& functions, const EngineSetup& setup);

  std::size_t submit(std::span<const unsigned> slots) override;
  void cancel(unsigned slot) override;
  bool can_cancel() const noexcept override { return true; }
  std::optional<std::uint64_t> system_call_count() const override;

 protected:
  // By lio_listio(), those up to the next sync, or a sync. Returns how many.
  std::size_t submit_list(std::span<const unsigned> slots, int mode);

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

  // " with 3 requests in flight, after 2 calls of aio_cancel ...": of an engine that hangs.
  std::string load_text() const;

  // Takes the result of a finished request, as every program has to.
  Completion take_result(unsigned slot);

  [[noreturn]] void refuse(unsigned slot, int error) const {
    throw RequestRefused(functions_.name, setup_.transfers[slot], error);
  }

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
  std::size_t submit_each(std::span<const unsigned> slots);

  const PosixAio& functions_;
  EngineSetup setup_;
  std::vector<aiocb> requests_;
  std::vector<char> in_flight_;
  std::vector<aiocb*> list_;
  std::vector<unsigned> unannounced_;  // finished, and nobody said so
  std::int64_t unannounced_since_ns_ = 0;
  std::int64_t silent_since_ns_ = 0;  // 0: something came since the last look
  unsigned cancel_count_ = 0;
};

// An engine that looks itself which of its requests are done. The list of them is kept
// without gaps, as a careful program does: what an implementation does with NULLs is not
// measured.
class AskingEngine : public PosixEngine {
 public:
  AskingEngine(const PosixAio& functions, const EngineSetup& setup);

  std::size_t submit(std::span<const unsigned> slots) override;

 protected:
  void add_outstanding(unsigned slot) { outstanding_.push_back(&requests()[slot]); }

  // Waits in aio_suspend() for one of them. Its answer, with errno.
  int suspend(timespec timeout) const;

  // Takes those that are done, up to so many, and returns how many there were.
  std::uint64_t take_finished(std::vector<Completion>& completions,
                              std::uint64_t most = UINT64_MAX);

 private:
  std::vector<const aiocb*> outstanding_;
};

// Throws RunError when this process may not have `count` signals pending.
void check_signal_limit(unsigned count);

// Engines with signals fetch them; each job has a signal number of its own. To be
// called before there are other threads, which inherit it.
void block_notification_signals();

}  // namespace aio_bench
