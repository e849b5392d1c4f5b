// SPDX-License-Identifier: MIT
#include "libaio_engine.h"

#include "clock.h"
#include "errors.h"

#include <cerrno>
#include <fmt/format.h>
#include <libaio.h>

namespace aio_bench {

namespace {

class LibaioEngine final : public Engine {
 public:
  explicit LibaioEngine(const EngineSetup& setup)
      : setup_(setup), iocbs_(setup.transfers.size()), events_(setup.transfers.size()) {
    queue_.reserve(iocbs_.size());
    const int outcome = io_setup(static_cast<int>(iocbs_.size()), &context_);
    if (outcome == -EAGAIN)
      throw RunError(fmt::format("libaio: no room for {} requests: fs.aio-max-nr is used up, raise "
                                 "it with sysctl -w fs.aio-max-nr=1048576", iocbs_.size()));
    if (outcome != 0)
      throw RunError(fmt::format("libaio: kernel AIO cannot be used here (io_setup: {}): leave "
                                 "libaio out of --engine", error_text(-outcome)));
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
      for (const unsigned slot : slots.subspan(done)) setup_.transfers[slot].started_ns = before_ns;
      const int accepted =
          io_submit(context_, static_cast<long>(queue_.size() - done), queue_.data() + done);
      if (accepted == -EAGAIN) break;
      if (accepted <= 0)
        throw RunError(fmt::format("libaio: a request of {} bytes at offset {} was refused: {}",
                                   setup_.block_bytes, setup_.transfers[slots[done]].offset_bytes,
                                   error_text(-accepted)));
      setup_.submit_ns.record(now_ns() - before_ns);
      done += static_cast<std::size_t>(accepted);
    }
    return done;
  }

  void wait(std::vector<Completion>& completions) override {
    timespec patience{.tv_sec = patience_ns / 1'000'000'000, .tv_nsec = 0};
    const int count = io_getevents(context_, 1, static_cast<long>(events_.size()), events_.data(),
                                   &patience);
    if (count == -EINTR) return;
    if (count <= 0)
      throw RunError(fmt::format("libaio: io_getevents: {}",
                                 count == 0 ? "nothing completed" : error_text(-count)));
    for (int i = 0; i < count; ++i) {
      const io_event& event = events_[static_cast<std::size_t>(i)];
      // libaio declares the result unsigned; the kernel's is signed.
      completions.push_back({.slot = static_cast<unsigned>(event.obj - iocbs_.data()),
                             .result = static_cast<std::int64_t>(event.res)});
    }
  }

 private:
  iocb* prepare(unsigned slot) noexcept {
    const Transfer& transfer = setup_.transfers[slot];
    iocb* const request = &iocbs_[slot];
    const auto fill = setup_.is_write ? io_prep_pwrite : io_prep_pread;
    fill(request, setup_.fd, transfer.buffer, setup_.block_bytes, transfer.offset_bytes);
    return request;
  }

  EngineSetup setup_;
  io_context_t context_ = nullptr;
  std::vector<iocb> iocbs_;
  std::vector<iocb*> queue_;
  std::vector<io_event> events_;
};

}  // namespace

std::unique_ptr<Engine> make_libaio_engine(const EngineSetup& setup) {
  return std::make_unique<LibaioEngine>(setup);
}

}  // namespace aio_bench
