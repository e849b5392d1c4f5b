// SPDX-License-Identifier: MIT
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "engines/event_counter.h"
#include "engines/make_engine.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <libaio.h>

namespace aio_bench {

namespace {

// Of the negative error number that io_setup() gave: why there can be no context for so
// many requests, and what to do.
std::string refusal_text(int outcome, std::size_t request_count) {
  if (outcome == -EAGAIN)
    return fmt::format("libaio: no room for {} requests{}", request_count,
                       kernel_aio_advice(request_count));
  if (outcome == -ENOMEM)
    return fmt::format("libaio: no memory for {} requests{}", request_count, memory_advice(0));
  return fmt::format(
      "libaio: kernel AIO cannot be used here (io_setup: {}): leave libaio out of --engine",
      error_text(-outcome));
}

class LibaioEngine final : public IoEngine {
 public:
  explicit LibaioEngine(const EngineSetup& setup)
      : setup_(setup), iocbs_(setup.transfers.size()), events_(setup.transfers.size()) {
    queue_.reserve(iocbs_.size());
    if (setup.notify == Notify::eventfd) counter_.emplace();
    const int outcome = io_setup(static_cast<int>(iocbs_.size()), &context_);
    if (outcome != 0) throw RunError(refusal_text(outcome, iocbs_.size()));
  }

  ~LibaioEngine() override { io_destroy(context_); }
  LibaioEngine(const LibaioEngine&) = delete;
  LibaioEngine& operator=(const LibaioEngine&) = delete;

  std::size_t submit(std::span<const unsigned> slots) override {
    queue_.clear();
    for (const unsigned slot : slots) queue_.push_back(prepare(slot));
    std::size_t done = 0;
    while (done < queue_.size()) {
      const std::int64_t before_ns = now_ns();
      const int accepted =
          io_submit(context_, static_cast<long>(queue_.size() - done), queue_.data() + done);
      ++system_call_count_;
      if (accepted == -EAGAIN) break;
      if (accepted <= 0) throw RequestRefused("libaio", setup_.transfers[slots[done]], -accepted);
      const std::int64_t after_ns = now_ns();
      for (const unsigned slot : slots.subspan(done, static_cast<std::size_t>(accepted))) {
        setup_.transfers[slot].started_ns = before_ns;
        setup_.transfers[slot].accepted_ns = after_ns;
      }
      done += static_cast<std::size_t>(accepted);
      in_flight_count_ += accepted;
    }
    return done;
  }

  void wait(std::vector<Completion>& completions, std::int64_t deadline_ns) override {
    const std::int64_t give_up_ns = now_ns() + patience_ns;
    const std::int64_t until_ns = std::min(deadline_ns, give_up_ns);
    if (counter_) {
      if (counter_->wait(time_left_until(until_ns)) != 0) take(completions, 0, {});
    } else if (setup_.notify == Notify::poll) {
      while (!take(completions, 0, {}) && !interrupted() && now_ns() < until_ns) {
      }
    } else {
      // A list is what was submitted in one call, and is waited for as a whole.
      take(completions, setup_.notify == Notify::list ? in_flight_count_ : 1,
           time_left_until(until_ns));
    }
    if (completions.empty() && !interrupted() && now_ns() >= give_up_ns)
      throw RunError("libaio: nothing completed");
  }

  std::optional<std::uint64_t> system_call_count() const override {
    return system_call_count_ + (counter_ ? counter_->system_call_count() : 0);
  }

 private:
  iocb* prepare(unsigned slot) noexcept {
    const Transfer& transfer = setup_.transfers[slot];
    iocb* const request = &iocbs_[slot];
    const bool is_read = transfer.operation == Operation::read;
    if (transfer.operation == Operation::sync) {
      io_prep_fsync(request, setup_.fd);
    } else if (transfer.pieces.empty()) {
      (is_read ? io_prep_pread : io_prep_pwrite)(request, setup_.fd, transfer.buffer,
                                                 transfer.size_bytes, transfer.offset_bytes);
    } else {
      (is_read ? io_prep_preadv : io_prep_pwritev)(request, setup_.fd, transfer.pieces.data(),
                                                   static_cast<int>(transfer.pieces.size()),
                                                   transfer.offset_bytes);
    }
    if (counter_) io_set_eventfd(request, counter_->descriptor());
    return request;
  }

  // False when there was nothing.
  bool take(std::vector<Completion>& completions, long least_count, timespec timeout) {
    const int count = io_getevents(context_, least_count, static_cast<long>(events_.size()),
                                   events_.data(), &timeout);
    // libaio looks into the ring itself when it may not wait: an empty one takes
    // no system call.
    if (count != 0 || timeout.tv_sec != 0 || timeout.tv_nsec != 0) ++system_call_count_;
    if (count == -EINTR) return false;
    if (count < 0) throw RunError("libaio: io_getevents: {}", error_text(-count));
    in_flight_count_ -= count;
    for (int i = 0; i < count; ++i) {
      const io_event& event = events_[static_cast<std::size_t>(i)];
      // libaio declares the result unsigned; the kernel's is signed.
      completions.push_back({.slot = static_cast<unsigned>(event.obj - iocbs_.data()),
                             .result = static_cast<std::int64_t>(event.res)});
    }
    return count > 0;
  }

  EngineSetup setup_;
  io_context_t context_ = nullptr;
  std::vector<iocb> iocbs_;
  std::vector<iocb*> queue_;
  std::vector<io_event> events_;
  std::optional<EventCounter> counter_;
  std::uint64_t system_call_count_ = 0;
  long in_flight_count_ = 0;
};

}  // namespace

std::unique_ptr<IoEngine> make_libaio_engine(const EngineSetup& setup) {
  return std::make_unique<LibaioEngine>(setup);
}

}  // namespace aio_bench
