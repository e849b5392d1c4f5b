// SPDX-License-Identifier: MIT
// POSIX AIO with lio_listio(LIO_WAIT): all that is ready goes in one call, which
// returns when the whole list is done.
#include "base/clock.h"
#include "base/errors.h"
#include "engines/posix_engine.h"

#include <cerrno>
#include <fmt/format.h>

namespace aio_bench {

namespace {

class ListEngine final : public PosixEngine {
 public:
  ListEngine(const PosixAio& functions, const EngineSetup& setup) : PosixEngine(functions, setup) {
    list_.reserve(setup.transfers.size());
  }

  std::size_t submit(std::span<const unsigned> slots) override {
    // A list has no element for fsync: one goes by itself, between lists.
    if (transfers()[slots[0]].operation == Operation::sync) return submit_sync(slots[0]);
    list_.clear();
    const std::int64_t before_ns = now_ns();
    for (const unsigned slot : slots) {
      if (transfers()[slot].operation == Operation::sync) break;
      prepare(slot);
      transfers()[slot].started_ns = before_ns;
      list_.push_back(&requests()[slot]);
    }
    const int outcome =
        functions().list(LIO_WAIT, list_.data(), static_cast<int>(list_.size()), nullptr);
    // Which of the list were queued nevertheless, nobody can tell for sure.
    if (outcome != 0 && errno == EAGAIN)
      throw RunError(fmt::format("{}: a list of {} could not be queued as a whole: lower --depth",
                                 functions().name, list_.size()));
    // EIO: one failed. EINTR: they go on. Which ones, their status tells.
    if (outcome != 0 && errno != EIO && errno != EINTR) refuse(slots[0], errno);
    const std::int64_t after_ns = now_ns();
    for (aiocb* const request : list_) {
      transfers()[slot_of(request)].accepted_ns = after_ns;
      mark_in_flight(slot_of(request), true);
      outstanding_.push_back(request);
    }
    return list_.size();
  }

  void wait(std::vector<Completion>& completions, std::int64_t deadline_ns) override {
    const std::int64_t begin_ns = now_ns();
    while (!take_finished(completions)) {
      const timespec step = step_until(deadline_ns);
      const int waited =
          functions().suspend(outstanding_.data(), static_cast<int>(outstanding_.size()), &step);
      if (waited != 0 && errno == EINTR) return;
      if (now_ns() >= deadline_ns) return;
      if (now_ns() - begin_ns > patience_ns)
        throw RunError(fmt::format("{}: nothing of a list completed", functions().name));
    }
  }

 private:
  std::size_t submit_sync(unsigned slot) {
    const std::size_t accepted = PosixEngine::submit({&slot, 1});
    if (accepted == 1) outstanding_.push_back(&requests()[slot]);
    return accepted;
  }

  bool take_finished(std::vector<Completion>& completions) {
    std::erase_if(outstanding_, [&](const aiocb* request) {
      const unsigned slot = slot_of(request);
      if (!is_done(slot)) return false;
      completions.push_back(take_result(slot));
      return true;
    });
    return !completions.empty();
  }

  std::vector<aiocb*> list_;
  std::vector<const aiocb*> outstanding_;  // not empty after a signal, and for fsync
};

}  // namespace

std::unique_ptr<Engine> make_list_engine(const PosixAio& functions, const EngineSetup& setup) {
  return std::make_unique<ListEngine>(functions, setup);
}

}  // namespace aio_bench
