// SPDX-License-Identifier: MIT
#include "verify/pass.h"

#include "base/aligned_buffer.h"
#include "base/clock.h"
#include "base/errors.h"
#include "base/interrupt.h"
#include "verify/verify_engine.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <unistd.h>

namespace aio_bench {

namespace {

constexpr std::int64_t sync_interval_ns = 200'000'000;
constexpr std::uint64_t page_bytes = 4096;
constexpr unsigned rounds_of_patience = 4;  // of waits before a cancellation, at most

class Pass {
 public:
  Pass(const PassPlan& plan, Verification& verification)
      : plan_(plan), verification_(verification),
        stride_bytes_((plan.most_io_blocks * verification.block_bytes() + page_bytes - 1) /
                      page_bytes * page_bytes),
        buffer_(stride_bytes_ * plan.depth, 1), slots_(plan.depth),
        engine_(make_verify_engine(plan.engine_name, plan.fd, plan.depth)) {
    for (unsigned slot = 0; slot < plan.depth; ++slot) free_.push_back(slot);
  }

  IoCounts run() {
    begin_ns_ = last_sync_ns_ = now_ns();
    for (;;) {
      submit_burst();
      if (in_flight() == 0) break;
      cancel_some();
      reap();
      if (plan_.kind != PassPlan::Kind::read_back) keep_journal();
      plan_.progress(share_done());
    }
    if (plan_.kind != PassPlan::Kind::read_back) sync();
    return counts_;
  }

  std::size_t in_flight() const noexcept { return slots_.size() - free_.size(); }

 private:
  struct Slot {
    bool is_write = false;
    bool is_in_flight = false;
    bool is_cancel_asked = false;
    unsigned rounds_until_cancel = 0;  // 0: never
    std::uint64_t generation = 0;
    BlockRange range{};
  };

  std::span<std::byte> data_of(unsigned slot) const noexcept {
    return {buffer_.data() + slot * stride_bytes_,
            slots_[slot].range.count * verification_.block_bytes()};
  }

  double share_done() const {
    if (plan_.kind == PassPlan::Kind::load)
      return static_cast<double>(now_ns() - begin_ns_) / 1e9 / plan_.seconds;
    return static_cast<double>(next_block_) / static_cast<double>(verification_.blocks.size());
  }

  bool is_over() const {
    return interrupted() || share_done() >= 1 ||
           (plan_.kind == PassPlan::Kind::load && verification_.has_found_errors());
  }

  // ---- Submitting ----

  // In bursts of any length: the queue is full at times and empty at times, and
  // the end of a burst finds its beginning still queued.
  void submit_burst() {
    if (in_flight() > 0 && free_.size() < burst_) return;
    burst_ = 1 + verification_.random.below(plan_.depth);
    while (!free_.empty() && !is_over()) {
      const unsigned slot = free_.back();
      if (!prepare(slot)) break;
      const auto data = data_of(slot);
      const VerifyRequest request{
          .is_write = slots_[slot].is_write,
          .buffer = data.data(),
          .size_bytes = data.size(),
          .offset_bytes = slots_[slot].range.first * verification_.block_bytes()};
      if (!engine_->submit(slot, request)) {
        take_back(slot);
        break;
      }
      free_.pop_back();
      slots_[slot].is_in_flight = true;
    }
  }

  // False when there is no place for another I/O now.
  bool prepare(unsigned slot) {
    Slot& one = slots_[slot];
    one = {.is_write = plan_.kind == PassPlan::Kind::fill ||
                       (plan_.kind == PassPlan::Kind::load &&
                        verification_.random.below(100) >= plan_.reads_percent)};
    if (plan_.kind == PassPlan::Kind::load && engine_->can_cancel() &&
        verification_.random.below(100) < plan_.cancels_percent)
      one.rounds_until_cancel =
          1 + static_cast<unsigned>(verification_.random.below(rounds_of_patience));
    one.range = next_range();
    if (one.range.count == 0) return false;
    if (one.is_write) {
      one.generation = verification_.new_generation();
      verification_.maker.fill(data_of(slot), one.range.first * verification_.block_bytes(),
                               one.generation);
    } else {
      spoil_stamps(data_of(slot), verification_.maker.stamp_bytes);
    }
    return true;
  }

  BlockRange next_range() {
    const std::uint64_t wanted =
        plan_.least_io_blocks +
        verification_.random.below(plan_.most_io_blocks - plan_.least_io_blocks + 1);
    if (plan_.kind == PassPlan::Kind::load)
      return verification_.blocks.take_random(verification_.random, wanted);
    const auto range = verification_.blocks.take_at(next_block_, wanted);
    next_block_ += range.count;
    return range;
  }

  // What an engine had no room for.
  void take_back(unsigned slot) {
    verification_.blocks.give_back(slots_[slot].range);
    if (plan_.kind != PassPlan::Kind::load) next_block_ = slots_[slot].range.first;
    if (in_flight() == 0)
      throw RunError(
          fmt::format("{}: EAGAIN although nothing is in flight: out of memory, threads "
                      "or kernel AIO contexts",
                      plan_.engine_name));
  }

  // Some at once, some a little later, when others behind them are queued.
  void cancel_some() {
    for (unsigned slot = 0; slot < slots_.size(); ++slot) {
      Slot& one = slots_[slot];
      if (!one.is_in_flight || one.rounds_until_cancel == 0 || --one.rounds_until_cancel != 0)
        continue;
      one.is_cancel_asked = true;
      ++counts_.cancels_asked;
      engine_->cancel(slot);
    }
  }

  // ---- Completing ----

  void reap() {
    completions_.clear();
    engine_->wait(completions_);
    for (const auto& completion : completions_) {
      Slot& slot = slots_[completion.slot];
      if (!slot.is_in_flight)
        throw RunError(fmt::format("{}: an I/O completed twice", plan_.engine_name));
      slot.is_in_flight = false;
      slot.is_write ? finish_write(slot, completion.result)
                    : finish_read(slot, completion.slot, completion.result);
      verification_.blocks.give_back(slot.range);
      free_.push_back(completion.slot);
    }
  }

  void finish_write(const Slot& slot, std::int64_t result) {
    const std::uint64_t blocks_done = blocks_in(slot, result);
    if (blocks_done < slot.range.count) verification_.blocks.doubt(slot.range, slot.generation);
    if (result == -ECANCELED && slot.is_cancel_asked) ++counts_.cancelled_writes;
    if (blocks_done == 0) return;
    const BlockRange done{.first = slot.range.first, .count = blocks_done};
    verification_.blocks.acknowledge(done, slot.generation);
    if (verification_.journal) verification_.journal->acknowledge(done, slot.generation);
    ++counts_.writes;
  }

  void finish_read(const Slot& slot, unsigned number, std::int64_t result) {
    const std::uint64_t blocks_done = blocks_in(slot, result);
    if (result == -ECANCELED && slot.is_cancel_asked) ++counts_.cancelled_reads;
    if (blocks_done == 0) return;
    verification_.check(data_of(number), {.first = slot.range.first, .count = blocks_done},
                        counts_);
    ++counts_.reads;
  }

  // The whole blocks that were transferred; notes what is wrong with a result.
  std::uint64_t blocks_in(const Slot& slot, std::int64_t result) {
    const std::uint64_t bytes = slot.range.count * verification_.block_bytes();
    if (result == -ECANCELED && slot.is_cancel_asked) return 0;
    if (result > 0 && static_cast<std::uint64_t>(result) < bytes) ++counts_.short_transfers;
    if (result > 0 && static_cast<std::uint64_t>(result) <= bytes)
      return static_cast<std::uint64_t>(result) / verification_.block_bytes();
    verification_.note_failure(fmt::format(
        "{}: {} of {} bytes at offset {:#x}: {}", plan_.engine_name,
        slot.is_write ? "write" : "read", bytes, slot.range.first * verification_.block_bytes(),
        result < 0 ? error_text(static_cast<int>(-result)) : fmt::format("result {}", result)));
    return 0;
  }

  // ---- The journal ----

  void keep_journal() {
    if (!verification_.journal) return;
    verification_.journal->flush();
    if (now_ns() - last_sync_ns_ >= sync_interval_ns) sync();
  }

  void sync() {
    if (!verification_.journal) return;
    if (fdatasync(plan_.fd) != 0)
      throw RunError(fmt::format("fdatasync of the target: {}", error_text(errno)));
    verification_.journal->mark_synced();
    last_sync_ns_ = now_ns();
  }

  const PassPlan& plan_;
  Verification& verification_;
  const std::uint64_t stride_bytes_;
  AlignedBuffer buffer_;
  std::vector<Slot> slots_;
  std::vector<unsigned> free_;
  std::vector<VerifyCompletion> completions_;
  std::uint64_t burst_ = 1;
  std::uint64_t next_block_ = 0;
  std::int64_t begin_ns_ = 0;
  std::int64_t last_sync_ns_ = 0;
  IoCounts counts_;
  std::unique_ptr<VerifyEngine> engine_;
};

}  // namespace

IoCounts run_pass(const PassPlan& plan, Verification& verification) {
  auto pass = std::make_unique<Pass>(plan, verification);
  try {
    return pass->run();
  } catch (...) {
    if (pass->in_flight() > 0) (void)pass.release();
    throw;
  }
}

}  // namespace aio_bench
