// SPDX-License-Identifier: MIT
#include "verify/verification.h"

#include <algorithm>
#include <fmt/format.h>

namespace aio_bench {

namespace {

constexpr std::size_t most_errors_shown = 10;

}  // namespace

void IoCounts::add(const IoCounts& other) noexcept {
  writes += other.writes;
  reads += other.reads;
  cancels_asked += other.cancels_asked;
  cancelled_writes += other.cancelled_writes;
  cancelled_reads += other.cancelled_reads;
  short_transfers += other.short_transfers;
  blocks_checked += other.blocks_checked;
  blocks_unknown += other.blocks_unknown;
  writes_seen_done += other.writes_seen_done;
  writes_seen_undone += other.writes_seen_undone;
  writes_seen_torn += other.writes_seen_torn;
}

Verification::Verification(std::uint64_t block_bytes, std::uint64_t area_bytes, std::uint64_t run,
                           std::uint64_t seed)
    : maker{.run = run, .stamp_bytes = stamp_bytes_for(block_bytes)},
      blocks(area_bytes / block_bytes), random(seed), block_bytes_(block_bytes) {}

void Verification::raise_generation(std::uint64_t generation) noexcept {
  generation_ = std::max(generation_, generation);
}

void Verification::check(std::span<const std::byte> data, const BlockRange& range,
                         IoCounts& counts) {
  for (std::uint64_t i = 0; i < range.count; ++i) {
    const std::uint64_t block = range.first + i;
    const LegalGenerations legal = blocks.legal(block);
    const BlockVerdict verdict = check_block(data.subspan(i * block_bytes_, block_bytes_),
                                             block * block_bytes_, legal, maker);
    ++counts.blocks_checked;
    if (!verdict.is_right) {
      const bool is_new = wrong_blocks_.insert(block).second;
      if (is_new && first_mismatches_.size() < most_errors_shown)
        first_mismatches_.push_back(verdict.mismatch);
      continue;
    }
    if (!verdict.is_known) {
      ++counts.blocks_unknown;
      continue;
    }
    raise_generation(verdict.newest);
    blocks.settle(block, verdict);
    if (legal.is_certain()) continue;
    if (verdict.oldest != verdict.newest)
      ++counts.writes_seen_torn;
    else if (verdict.newest == legal.oldest)
      ++counts.writes_seen_undone;
    else
      ++counts.writes_seen_done;
  }
}

void Verification::note_failure(std::string text) {
  ++failure_count_;
  if (first_failures_.size() < most_errors_shown) first_failures_.push_back(std::move(text));
}

std::string Verification::errors_text() const {
  std::string text;
  for (const auto& failure : first_failures_) text += failure + '\n';
  if (failure_count_ > first_failures_.size())
    text += fmt::format("and {} more I/Os failed\n", failure_count_ - first_failures_.size());
  for (const auto& mismatch : first_mismatches_) text += mismatch.text() + '\n';
  if (mismatch_count() > first_mismatches_.size())
    text += fmt::format("and {} more blocks\n", mismatch_count() - first_mismatches_.size());
  return text;
}

}  // namespace aio_bench
