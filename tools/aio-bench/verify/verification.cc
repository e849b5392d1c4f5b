// SPDX-License-Identifier: MIT
#include "verify/verification.h"

#include "base/text.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace aio_bench {

namespace {

constexpr std::size_t most_errors_shown = 10;

}  // namespace

std::string IoCounts::text(const std::string& name, const std::string& engine_name,
                           const char* cache, unsigned width) const {
  constexpr std::size_t row_width = 90;
  const bool is_narrow = width < row_width;
  std::string text =
      is_narrow ? wrapped(fmt::format("{}, {}, {}: {} writes, {} reads, {} blocks checked", name,
                                      engine_name, cache, count_text(writes), count_text(reads),
                                      count_text(blocks_checked)),
                          width)
                : fmt::format("{:<12} {:<8} {:<8} {:>9} writes {:>9} reads {:>11} blocks checked\n",
                              name, engine_name, cache, count_text(writes), count_text(reads),
                              count_text(blocks_checked));
  const std::string indent(is_narrow ? 2 : 31, ' ');
  if (cancels_asked != 0)
    text += fmt::format("{}cancelled: {} writes, {} reads, of {} tried\n", indent,
                        count_text(cancelled_writes), count_text(cancelled_reads),
                        count_text(cancels_asked));
  if (writes_seen_done + writes_seen_undone + writes_seen_torn != 0)
    text += fmt::format("{}blocks in doubt: {} old, {} new, {} in parts\n", indent,
                        count_text(writes_seen_undone), count_text(writes_seen_done),
                        count_text(writes_seen_torn));
  if (blocks_unknown != 0)
    text += fmt::format("{}{} blocks were never acknowledged: anything may be there\n", indent,
                        count_text(blocks_unknown));
  if (short_transfers != 0)
    text += fmt::format("{}{} transfers were shorter than asked for\n", indent,
                        count_text(short_transfers));
  return text;
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
      if (is_new) lowest_mismatches_.emplace(block, verdict.mismatch);
      if (lowest_mismatches_.size() > most_errors_shown)
        lowest_mismatches_.erase(std::prev(lowest_mismatches_.end()));
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
  for (const auto& [block, mismatch] : lowest_mismatches_) text += mismatch.text() + '\n';
  if (mismatch_count() > lowest_mismatches_.size())
    text += fmt::format("and {} more blocks\n", mismatch_count() - lowest_mismatches_.size());
  return text;
}

std::string Verification::conclusion(bool is_complete) const {
  if (mismatch_count() != 0)
    return fmt::format("{}WRONG: {} blocks are not what they have to be\n", errors_text(),
                       mismatch_count());
  if (has_found_errors()) return errors_text() + "FAILED: not every I/O succeeded\n";
  return is_complete ? "all is as it has to be\n"
                     : "interrupted: nothing wrong so far, not everything was checked\n";
}

}  // namespace aio_bench
