// SPDX-License-Identifier: MIT
// kaio's SIGEV_EVENTFD: completions are added to an eventfd, which the program
// would have in its event loop.
#include "base/clock.h"
#include "engines/event_counter.h"
#include "engines/posix_engine.h"

#include <kaio/aio.h>

namespace aio_bench {

namespace {

class EventfdEngine final : public PosixEngine {
 public:
  EventfdEngine(const PosixAio& functions, const EngineSetup& setup)
      : PosixEngine(functions, setup) {
    for (aiocb& request : requests()) {
      request.aio_sigevent.sigev_notify = SIGEV_EVENTFD;
      request.aio_sigevent.sigev_notify_eventfd = events_.descriptor();
    }
    outstanding_.reserve(setup.transfers.size());
  }

  std::size_t submit(std::span<const unsigned> slots) override {
    const std::size_t accepted = PosixEngine::submit(slots);
    outstanding_.insert(outstanding_.end(), slots.begin(),
                        slots.begin() + static_cast<std::ptrdiff_t>(accepted));
    return accepted;
  }

  void wait(std::vector<Completion>& completions, std::int64_t deadline_ns) override {
    std::uint64_t event_count = 0;
    while ((event_count = events_.wait(step_until(deadline_ns))) == 0) {
      if (events_.was_interrupted() || now_ns() >= deadline_ns) return;
      look_for_lost_notifications();
    }
    note_completion();
    untaken_event_count_ += event_count;
    // The status is final before the eventfd says so: as many are done as it said.
    std::erase_if(outstanding_, [&](unsigned slot) {
      if (untaken_event_count_ == 0 || !is_done(slot)) return false;
      --untaken_event_count_;
      completions.push_back(take_result(slot));
      return true;
    });
  }

  std::optional<std::uint64_t> system_call_count() const override {
    return *PosixEngine::system_call_count() + events_.system_call_count();
  }

 private:
  EventCounter events_;
  std::vector<unsigned> outstanding_;
  std::uint64_t untaken_event_count_ = 0;
};

}  // namespace

std::unique_ptr<Engine> make_eventfd_engine(const PosixAio& functions, const EngineSetup& setup) {
  return std::make_unique<EventfdEngine>(functions, setup);
}

}  // namespace aio_bench
