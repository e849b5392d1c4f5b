// SPDX-License-Identifier: MIT
// POSIX AIO by a program that asks: whether requests are done, or for the next one.
#include "base/clock.h"
#include "base/interrupt.h"
#include "engines/posix_engine.h"

#include <cerrno>
#include <fmt/format.h>

namespace aio_bench {

namespace {

// aio_suspend(), and then a look at each.
class SuspendEngine final : public AskingEngine {
 public:
  using AskingEngine::AskingEngine;

  void wait(std::vector<Completion>& completions, std::int64_t deadline_ns) override {
    const std::int64_t begin_ns = now_ns();
    while (suspend(step_until(deadline_ns)) != 0) {
      if (errno == EINTR) return;
      if (errno != EAGAIN)
        throw RunError("{}: aio_suspend: {}{}", functions().name, error_text(errno), load_text());
      const std::int64_t now = now_ns();
      if (now >= deadline_ns) return;
      if (now - begin_ns > patience_ns)
        throw RunError("{}: aio_suspend: nothing completed for {} s{}", functions().name,
                       patience_ns / second_ns, load_text());
    }
    take_finished(completions);
  }
};

// Without it, by asking aio_error() again and again.
class PollEngine final : public AskingEngine {
 public:
  using AskingEngine::AskingEngine;

  void wait(std::vector<Completion>& completions, std::int64_t deadline_ns) override {
    const std::int64_t begin_ns = now_ns();
    do {
      if (take_finished(completions) != 0 || interrupted()) return;
      if (now_ns() - begin_ns > patience_ns)
        throw RunError("{}: nothing completed", functions().name);
    } while (now_ns() < deadline_ns);
  }
};

// lio_listio(LIO_WAIT): all that is ready goes in one call, which returns when the whole
// list is done. Some are still outstanding then after a signal, and for fsync.
class ListEngine final : public AskingEngine {
 public:
  using AskingEngine::AskingEngine;

  std::size_t submit(std::span<const unsigned> slots) override {
    const std::size_t count = submit_list(slots, LIO_WAIT);
    for (const unsigned slot : slots.first(count)) add_outstanding(slot);
    return count;
  }

  void wait(std::vector<Completion>& completions, std::int64_t deadline_ns) override {
    const std::int64_t begin_ns = now_ns();
    while (take_finished(completions) == 0) {
      if (suspend(step_until(deadline_ns)) != 0 && errno == EINTR) return;
      if (now_ns() >= deadline_ns) return;
      if (now_ns() - begin_ns > patience_ns)
        throw RunError("{}: nothing of a list completed", functions().name);
    }
  }
};

// aio_waitcomplete(): whichever request is next, with its result, in one call.
class WaitcompleteEngine final : public PosixEngine {
 public:
  using PosixEngine::PosixEngine;

  void wait(std::vector<Completion>& completions, std::int64_t deadline_ns) override {
    const std::int64_t begin_ns = now_ns();
    while (!take_next(completions, step_until(deadline_ns))) {
      if (errno == EINTR || now_ns() >= deadline_ns) return;
      if (errno != EAGAIN || now_ns() - begin_ns > patience_ns)
        throw RunError("{}: aio_waitcomplete: {}", functions().name, error_text(errno));
    }
    // What else there is, without waiting.
    while (completions.size() < requests().size() && take_next(completions, {})) {
    }
  }

 private:
  bool take_next(std::vector<Completion>& completions, timespec timeout) {
    aiocb* request = nullptr;
    const ssize_t result = functions().wait_complete(&request, &timeout);
    if (request == nullptr) return false;
    const unsigned slot = slot_of(request);
    // With several jobs a thread would be given the requests of others.
    if (slot >= requests().size())
      throw RunError("{}: aio_waitcomplete returned a request that is not ours", functions().name);
    mark_in_flight(slot, false);
    completions.push_back({.slot = slot, .result = result < 0 ? -errno : result});
    return true;
  }
};

}  // namespace

std::unique_ptr<IoEngine> make_asking_engine(const PosixAio& aio, const EngineSetup& setup) {
  switch (setup.notify) {
    case Notify::poll:
      return std::make_unique<PollEngine>(aio, setup);
    case Notify::list:
      return std::make_unique<ListEngine>(aio, setup);
    case Notify::waitcomplete:
      return std::make_unique<WaitcompleteEngine>(aio, setup);
    default:
      return std::make_unique<SuspendEngine>(aio, setup);
  }
}

}  // namespace aio_bench
