// SPDX-License-Identifier: MIT
// kaio's C++ engine, as its users drive it: completions by callback, pulled, in coroutines, or
// behind the program's own wait on a descriptor.
#include "base/clock.h"
#include "base/interrupt.h"
#include "engines/make_engine.h"

#include <kaio/engine.h>

#include <algorithm>
#include <cerrno>
#include <coroutine>
#include <exception>
#include <fcntl.h>
#include <memory>
#include <poll.h>
#include <system_error>

namespace aio_bench {

namespace {

// A slot's I/O, one after the other, for as long as the engine lives.
struct SlotCoroutine {
  struct promise_type {
    SlotCoroutine get_return_object() noexcept {
      return {std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
};

kaio::File copy_of(int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw RunError("kaio-engine: a descriptor cannot be copied: {}", error_text(errno));
  return kaio::File::adopt(copy);
}

std::int64_t number_of(const kaio::Result& result) noexcept {
  return result ? static_cast<std::int64_t>(result.size_bytes()) : -result.error().value();
}

class KaioEngine final : public IoEngine {
 public:
  explicit KaioEngine(const EngineSetup& setup)
      : setup_(setup),
        engine_({.depth = static_cast<unsigned>(std::max<std::size_t>(setup.transfers.size(), 1))}),
        slots_(setup.transfers.size()) {
    if (setup.fd >= 0) file_ = copy_of(setup.fd);
    if (setup.notify == Notify::eventfd) descriptor_ = engine_.fd();
    ended_.resize(slots_.size());
    for (unsigned slot = 0; slot < slots_.size(); ++slot) prepare_slot(slot);
  }

  ~KaioEngine() override {
    for (Slot& slot : slots_)
      if (slot.coroutine) slot.coroutine.destroy();
  }
  KaioEngine(const KaioEngine&) = delete;
  KaioEngine& operator=(const KaioEngine&) = delete;

  std::size_t submit(std::span<const unsigned> slots) override {
    const std::int64_t before_ns = now_ns();
    for (const unsigned slot : slots) {
      setup_.transfers[slot].started_ns = before_ns;
      if (setup_.notify == Notify::coroutine) {
        slots_[slot].coroutine.resume();
      } else {
        start(slot);
      }
    }
    engine_.flush();
    const std::int64_t after_ns = now_ns();
    for (const unsigned slot : slots) setup_.transfers[slot].accepted_ns = after_ns;
    return slots.size();
  }

  void wait(std::vector<Completion>& completions, std::int64_t deadline_ns) override {
    const std::int64_t give_up_ns = now_ns() + patience_ns;
    const std::int64_t until_ns = std::min(deadline_ns, give_up_ns);
    completions_ = &completions;
    if (setup_.notify == Notify::eventfd) {
      wait_for_descriptor(until_ns);
    } else if (setup_.notify == Notify::poll) {
      while (!pull(completions) && !interrupted() && now_ns() < until_ns) {
      }
    } else {
      const std::size_t least = setup_.notify == Notify::list ? engine_.under_way() : 1;
      wait_for(least, until_ns);
    }
    completions_ = nullptr;
    if (completions.empty() && !interrupted() && now_ns() >= give_up_ns)
      throw RunError("kaio-engine: nothing completed");
  }

  void cancel(unsigned slot) override { engine_.cancel(slots_[slot].operation); }
  bool can_cancel() const noexcept override { return setup_.notify != Notify::coroutine; }

  std::optional<std::uint64_t> system_call_count() const override {
    const kaio::EngineStatistics counts = engine_.statistics();
    return counts.io_submit_calls + counts.io_getevents_calls + own_call_count_;
  }

 private:
  struct Slot {
    kaio::Operation operation;
    std::vector<iovec> pieces;  // the engine uses them up
    KaioEngine* engine = nullptr;
    std::coroutine_handle<> coroutine;
  };

  unsigned number(const Slot& slot) const noexcept {
    return static_cast<unsigned>(&slot - slots_.data());
  }

  void prepare_slot(unsigned number) {
    Slot& slot = slots_[number];
    slot.engine = this;
    if (setup_.notify == Notify::coroutine) {
      slot.coroutine = run_slot(number).handle;
    } else if (setup_.notify == Notify::poll) {
      slot.operation.on_completion(nullptr, &slot);
    } else {
      slot.operation.on_completion(
          [](kaio::Operation& operation) {
            const Slot& ended = *static_cast<const Slot*>(operation.context());
            ended.engine->complete(ended.engine->number(ended), operation.result());
          },
          &slot);
    }
  }

  SlotCoroutine run_slot(unsigned slot) {
    for (;;) {
      co_await std::suspend_always();  // until it is submitted
      kaio::Awaitable<false> transfer(engine_);
      ask(transfer.operation(), slot);
      complete(slot, co_await transfer);
    }
  }

  void ask(kaio::Operation& operation, unsigned number) {
    const Transfer& transfer = setup_.transfers[number];
    const auto offset_bytes = static_cast<std::uint64_t>(transfer.offset_bytes);
    const bool is_read = transfer.operation == Operation::read;
    if (transfer.operation == Operation::sync) {
      operation.sync(file_);
    } else if (transfer.pieces.empty()) {
      is_read ? operation.read(file_, transfer.buffer, transfer.size_bytes, offset_bytes)
              : operation.write(file_, transfer.buffer, transfer.size_bytes, offset_bytes);
    } else {
      std::vector<iovec>& pieces = slots_[number].pieces;
      pieces.assign(transfer.pieces.begin(), transfer.pieces.end());
      is_read ? operation.readv(file_, pieces, offset_bytes)
              : operation.writev(file_, pieces, offset_bytes);
    }
  }

  void start(unsigned number) {
    kaio::Operation& operation = slots_[number].operation;
    ask(operation, number);
    if (const kaio::Refusal refusal = engine_.submit(operation))
      throw RunError("kaio-engine: {}", std::error_code(refusal).message());
  }

  void complete(unsigned slot, const kaio::Result& result) {
    completions_->push_back({.slot = slot, .result = number_of(result)});
  }

  bool pull(std::vector<Completion>& completions) {
    const std::span<kaio::Operation*> ended = engine_.poll(ended_);
    for (kaio::Operation* const operation : ended)
      completions.push_back({.slot = number(*static_cast<const Slot*>(operation->context())),
                             .result = number_of(operation->result())});
    return !ended.empty();
  }

  // Signal handlers do not end the engine's wait: it looks up now and then.
  void wait_for(std::size_t least, std::int64_t until_ns) {
    constexpr std::int64_t look_up_ns = second_ns / 10;
    for (std::size_t count = 0; count < least;) {
      const std::int64_t here_ns = now_ns();
      const std::int64_t next_ns = std::min(until_ns, here_ns + look_up_ns);
      count += engine_.wait(least - count,
                            kaio::Engine::Clock::time_point(std::chrono::nanoseconds(next_ns)));
      if (interrupted() || here_ns >= until_ns) return;
    }
  }

  void wait_for_descriptor(std::int64_t until_ns) {
    pollfd ready{.fd = descriptor_, .events = POLLIN, .revents = 0};
    const timespec timeout = time_left_until(until_ns);
    own_call_count_ += 2;  // and the engine's read of it
    ::ppoll(&ready, 1, &timeout, nullptr);
    engine_.poll();
  }

  const EngineSetup setup_;
  kaio::File file_;
  kaio::Engine engine_;
  std::vector<Slot> slots_;
  std::vector<kaio::Operation*> ended_;  // room for what is pulled
  std::vector<Completion>* completions_ = nullptr;
  int descriptor_ = -1;
  std::uint64_t own_call_count_ = 0;
};

}  // namespace

std::unique_ptr<IoEngine> make_kaio_engine(const EngineSetup& setup) {
  try {
    return std::make_unique<KaioEngine>(setup);
  } catch (const std::system_error& error) {
    throw RunError("kaio-engine: {}", error.what());
  }
}

}  // namespace aio_bench
