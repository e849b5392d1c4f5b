// SPDX-License-Identifier: MIT
// aio_waitcomplete(): whichever request is next, with its result, in one call.
#include "base/clock.h"
#include "base/errors.h"
#include "engines/posix_engine.h"

#include <cerrno>
#include <fmt/format.h>

namespace aio_bench {

namespace {

class WaitcompleteEngine final : public PosixEngine {
 public:
  WaitcompleteEngine(const PosixAio& functions, const EngineSetup& setup)
      : PosixEngine(functions, setup) {}

  void wait(std::vector<Completion>& completions, std::int64_t deadline_ns) override {
    const std::int64_t begin_ns = now_ns();
    for (;;) {
      if (take_next(completions, step_until(deadline_ns))) break;
      if (errno == EINTR || now_ns() >= deadline_ns) return;
      if (errno != EAGAIN || now_ns() - begin_ns > patience_ns)
        throw RunError(
            fmt::format("{}: aio_waitcomplete: {}", functions().name, error_text(errno)));
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
      throw RunError(fmt::format("{}: aio_waitcomplete returned a request that is not ours",
                                 functions().name));
    mark_in_flight(slot, false);
    completions.push_back({.slot = slot, .result = result < 0 ? -errno : result});
    return true;
  }
};

}  // namespace

std::unique_ptr<Engine> make_waitcomplete_engine(const PosixAio& functions,
                                                 const EngineSetup& setup) {
  return std::make_unique<WaitcompleteEngine>(functions, setup);
}

}  // namespace aio_bench
