// SPDX-License-Identifier: MIT
#include "verify/pass.h"

#include "base/aligned_buffer.h"
#include "base/clock.h"
#include "base/errors.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "engines/engines.h"

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
        stride_bytes_((plan.options.most_io_bytes + page_bytes - 1) / page_bytes * page_bytes),
        buffer_(stride_bytes_ * plan.options.depth, 1), slots_(plan.options.depth),
        transfers_(plan.options.depth),
        engine_(make_engine(plan.engine_name, setup_for_verify(plan.fd, transfers_))) {
    for (unsigned slot = 0; slot < plan.options.depth; ++slot) {
      transfers_[slot].buffer = buffer_.data() + slot * stride_bytes_;
      free_.push_back(slot);
    }
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

  std::size_t in_flight() const noexcept {
    return slots_.size() - free_.size() - (prepared_ ? 1 : 0);
  }

 private:
  struct Slot {
    bool is_in_flight = false;
    bool is_cancel_asked = false;
    unsigned rounds_until_cancel = 0;  // 0: never
    std::uint64_t generation = 0;
    BlockRange range{};
  };

  std::span<std::byte> data_of(unsigned slot) const noexcept {
    return {transfers_[slot].buffer, transfers_[slot].size_bytes};
  }

  double share_done() const {
    if (plan_.kind == PassPlan::Kind::load)
      return static_cast<double>(now_ns() - begin_ns_) / 1e9 / plan_.options.seconds;
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
    burst_ = 1 + verification_.random.below(plan_.options.depth);
    while (prepared_ || (!is_over() && prepare())) {
      if (!submit(*prepared_)) break;
      slots_[*prepared_].is_in_flight = true;
      prepared_.reset();
    }
  }

  // False when the engine has no room for it now; it is the next one again.
  bool submit(unsigned slot) {
    try {
      if (engine_->submit({&slot, 1}) != 0) return true;
    } catch (const RequestRefused& refusal) {
      slots_[slot].rounds_until_cancel = 0;
      completions_.push_back({.slot = slot, .result = -refusal.error_number});
      return true;
    }
    if (in_flight() == 0)
      throw RunError("{}: EAGAIN although nothing is in flight{}", plan_.engine_name,
                     exhaustion_advice(plan_.options.depth));
    return false;
  }

  // Decides on the next I/O; false when there is no room or no place for another one now.
  bool prepare() {
    if (free_.empty()) return false;
    const unsigned slot = free_.back();
    Slot& one = slots_[slot];
    Transfer& transfer = transfers_[slot];
    Random& random = verification_.random;
    one = {};
    const bool is_load = plan_.kind == PassPlan::Kind::load;
    const bool is_write = plan_.kind == PassPlan::Kind::fill ||
                          (is_load && random.below(100) >= plan_.options.reads_percent);
    if (is_load && engine_->can_cancel() &&
        random.below(100) < plan_.options.cancels_percent_for(plan_.engine_name))
      one.rounds_until_cancel = 1 + static_cast<unsigned>(random.below(rounds_of_patience));
    one.range = next_range();
    if (one.range.count == 0) return false;
    const std::uint64_t offset_bytes = one.range.first * verification_.block_bytes();
    transfer.operation = is_write ? Operation::write : Operation::read;
    transfer.offset_bytes = static_cast<std::int64_t>(offset_bytes);
    transfer.size_bytes = one.range.count * verification_.block_bytes();
    if (is_write) {
      one.generation = verification_.new_generation();
      verification_.maker.fill(data_of(slot), offset_bytes, one.generation);
    } else {
      spoil_stamps(data_of(slot), verification_.maker.stamp_bytes);
    }
    free_.pop_back();
    prepared_ = slot;
    return true;
  }

  BlockRange next_range() {
    const std::uint64_t least = plan_.options.least_io_bytes / verification_.block_bytes();
    const std::uint64_t most = plan_.options.most_io_bytes / verification_.block_bytes();
    const std::uint64_t wanted = least + verification_.random.below(most - least + 1);
    if (plan_.kind == PassPlan::Kind::load)
      return verification_.blocks.take_random(verification_.random, wanted);
    const auto range = verification_.blocks.take_at(next_block_, wanted);
    next_block_ += range.count;
    return range;
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
    // Those that were refused are told at once.
    if (completions_.empty()) engine_->wait(completions_, IoEngine::no_deadline);
    for (const auto& completion : completions_) {
      Slot& slot = slots_[completion.slot];
      if (!slot.is_in_flight) throw RunError("{}: an I/O completed twice", plan_.engine_name);
      slot.is_in_flight = false;
      const std::uint64_t blocks_done = blocks_in(completion);
      if (transfers_[completion.slot].operation == Operation::write)
        finish_write(slot, blocks_done, completion.result);
      else
        finish_read(completion, blocks_done);
      verification_.blocks.give_back(slot.range);
      free_.push_back(completion.slot);
    }
    completions_.clear();
  }

  void finish_write(const Slot& slot, std::uint64_t blocks_done, std::int64_t result) {
    if (blocks_done < slot.range.count) verification_.blocks.doubt(slot.range, slot.generation);
    if (result == -ECANCELED && slot.is_cancel_asked) ++counts_.cancelled_writes;
    if (blocks_done == 0) return;
    const BlockRange done{.first = slot.range.first, .count = blocks_done};
    verification_.blocks.acknowledge(done, slot.generation);
    if (verification_.journal) verification_.journal->acknowledge(done, slot.generation);
    ++counts_.writes;
  }

  void finish_read(const Completion& completion, std::uint64_t blocks_done) {
    const Slot& slot = slots_[completion.slot];
    if (completion.result == -ECANCELED && slot.is_cancel_asked) ++counts_.cancelled_reads;
    if (blocks_done == 0) return;
    verification_.check(data_of(completion.slot), {.first = slot.range.first, .count = blocks_done},
                        counts_);
    ++counts_.reads;
  }

  // The whole blocks that were transferred; notes what is wrong with a result.
  std::uint64_t blocks_in(const Completion& completion) {
    const Transfer& transfer = transfers_[completion.slot];
    const std::int64_t result = completion.result;
    const auto bytes_done = static_cast<std::uint64_t>(std::max<std::int64_t>(result, 0));
    if (result == -ECANCELED && slots_[completion.slot].is_cancel_asked) return 0;
    if (bytes_done > 0 && bytes_done < transfer.size_bytes) ++counts_.short_transfers;
    if (bytes_done > 0 && bytes_done <= transfer.size_bytes)
      return bytes_done / verification_.block_bytes();
    verification_.note_failure(fmt::format(
        "{}: {} of {} bytes at offset {:#x}: {}", plan_.engine_name,
        transfer.operation == Operation::write ? "write" : "read", transfer.size_bytes,
        transfer.offset_bytes,
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
    if (fdatasync(plan_.fd) != 0) throw RunError("fdatasync of the target: {}", error_text(errno));
    verification_.journal->mark_synced();
    last_sync_ns_ = now_ns();
  }

  const PassPlan& plan_;
  Verification& verification_;
  const std::uint64_t stride_bytes_;
  AlignedBuffer buffer_;
  std::vector<Slot> slots_;
  std::vector<Transfer> transfers_;
  std::vector<unsigned> free_;
  std::optional<unsigned> prepared_;  // waits to be accepted
  std::vector<Completion> completions_;
  std::uint64_t burst_ = 1;
  std::uint64_t next_block_ = 0;
  std::int64_t begin_ns_ = 0;
  std::int64_t last_sync_ns_ = 0;
  IoCounts counts_;
  std::unique_ptr<IoEngine> engine_;
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
