// SPDX-License-Identifier: MIT
#include "kaio/aio.h"
#include "posix/api/aiocb_cell.h"
#include "posix/api/export.h"
#include "posix/api/api_scope.h"

namespace kaio {
namespace {

// Until any request of the process is done.
class NextDone final : public FutexWaitSet {
 public:
  explicit NextDone(Runtime& runtime) noexcept : runtime_(runtime) {}
  ~NextDone() {
    if (!sleeps_) return;
    // Cancelled as it slept, and perhaps woken for a result that it has not looked for.
    slept();
    runtime_.completer.announce_result();
  }
  NextDone(const NextDone&) = delete;
  NextDone& operator=(const NextDone&) = delete;

  bool done() const override {
    if (request_ == nullptr) request_ = runtime_.completer.retrieval().next();
    return request_ != nullptr || !runtime_.requests.any_to_retrieve();
  }
  // Completions come by either way; those of the pool call the leader. Even if nothing
  // is in flight: another thread may submit a request while we sleep.
  OnRing on_ring() const override { return runtime_.context.ready() ? OnRing::some : OnRing::none; }
  bool mark() override { return done(); }
  std::size_t words(std::span<sys::FutexExpectation> space) override {
    const sys::FutexWord& results = runtime_.completer.results();
    space[0] = {.expected = results.load(std::memory_order_seq_cst), .word = &results};
    runtime_.completer.add_sleeping_taker();
    sleeps_ = true;
    return done() ? 0 : 1;
  }
  void slept() override {
    if (sleeps_) runtime_.completer.remove_sleeping_taker();
    sleeps_ = false;
  }

  Request* request() const noexcept { return request_; }

 private:
  Runtime& runtime_;
  mutable Request* request_ = nullptr;
  bool sleeps_ = false;  // counted as one that does
};

// Whoever takes the last result, or finds that there is none to come, tells the others: one by
// one, as each of them looks.
void tell_if_none_left(Runtime& runtime) {
  // Full fence between what this thread has taken and the look for others; they are
  // counted before they look for what is left.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (runtime.completer.has_takers() && !runtime.requests.any_to_retrieve())
    runtime.completer.announce_result();
}

// The aiocb itself is left alone: its status is final, and it may be gone.
ssize_t take(Runtime& runtime, Request& request, aiocb** control_block) {
  *control_block = aiocb_of(*request.cell);
  const std::int64_t result = request.done_bytes;
  runtime.requests.free(request);
  tell_if_none_left(runtime);
  return result < 0 ? fail(static_cast<int>(-result)) : result;
}

}  // namespace
}  // namespace kaio

KAIO_EXPORT ssize_t aio_waitcomplete(aiocb** control_block, const timespec* timeout) {
  using namespace kaio;
  *control_block = nullptr;
  if (timeout != nullptr && (timeout->tv_nsec < 0 || timeout->tv_nsec >= 1'000'000'000))
    return fail(EINVAL);
  Runtime* engine = runtime();
  if (engine == nullptr) return fail(EAGAIN);
  Request* found = nullptr;
  {
    const ApiScope scope(*engine);  // for what handlers put aside while Retrieval was locked
    found = engine->completer.retrieval().next();
  }
  if (found != nullptr) return take(*engine, *found, control_block);
  // Another thread's first request may be the one: it is to be found by the ring then.
  if (engine->fixed_options.route != Route::pool) engine->context.available();
  NextDone next_done(*engine);
  Waited waited{};
  {
    const ApiScope scope(*engine);
    const TakerCount counted(engine->completer);  // every result concerns us
    waited = engine->waiter.wait(next_done,
                                 timeout == nullptr ? sys::forever : sys::deadline_after(*timeout));
  }
  if (next_done.request() != nullptr) return take(*engine, *next_done.request(), control_block);
  tell_if_none_left(*engine);
  return fail(waited == Waited::interrupted ? EINTR : EAGAIN);
}
