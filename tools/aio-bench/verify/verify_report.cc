// SPDX-License-Identifier: MIT
#include "verify/verify_report.h"

#include "base/standard_output.h"
#include "base/text.h"

#include <fmt/format.h>

namespace aio_bench {

void print_heading(const VerifyOptions& options, const Target& target, std::uint64_t area_bytes,
                   std::uint64_t seed) {
  const unsigned width = output_width();
  print_out(wrapped(fmt::format("aio-bench verify: {}{}, {}", target.path,
                                target.file_system.empty() ? "" : " (" + target.file_system + ")",
                                size_text(area_bytes)),
                    width) +
            wrapped(fmt::format("blocks of {}, I/Os of {} to {}, depth {}, seed {}",
                                size_text(options.block_bytes), size_text(options.least_io_bytes),
                                size_text(options.most_io_bytes), options.depth, seed),
                    width));
}

void print_journal(const VerifyOptions& options, const JournalContent& content) {
  std::string text =
      wrapped(fmt::format("journal: {} writes acknowledged, {} of them have to be there{}",
                          count_text(static_cast<double>(content.acknowledged)),
                          count_text(static_cast<double>(content.required)),
                          options.synced_only       ? " (--synced-only)"
                          : content.is_of_this_boot ? ""
                                                    : ": the machine was started anew since"),
              output_width());
  if (content.cut_off_bytes != 0)
    text += fmt::format("journal: its last {} bytes are not whole lines, and left out\n",
                        content.cut_off_bytes);
  print_out(text);
}

void print_pass(const char* name, const std::string& engine_name, Cache cache,
                const IoCounts& counts) {
  const auto number = [](std::uint64_t count) { return count_text(static_cast<double>(count)); };
  constexpr std::size_t row_width = 90;
  const bool is_narrow = output_width() < row_width;
  std::string text =
      is_narrow ? wrapped(fmt::format("{}, {}, {}: {} writes, {} reads, {} blocks checked", name,
                                      engine_name, cache_name(cache), number(counts.writes),
                                      number(counts.reads), number(counts.blocks_checked)),
                          output_width())
                : fmt::format("{:<12} {:<8} {:<8} {:>9} writes {:>9} reads {:>11} blocks checked\n",
                              name, engine_name, cache_name(cache), number(counts.writes),
                              number(counts.reads), number(counts.blocks_checked));
  const std::string indent(is_narrow ? 2 : 31, ' ');
  if (counts.cancels_asked != 0)
    text += fmt::format("{}cancelled: {} writes, {} reads, of {} tried\n", indent,
                        number(counts.cancelled_writes), number(counts.cancelled_reads),
                        number(counts.cancels_asked));
  if (counts.writes_seen_done + counts.writes_seen_undone + counts.writes_seen_torn != 0)
    text += fmt::format("{}blocks in doubt: {} old, {} new, {} in parts\n", indent,
                        number(counts.writes_seen_undone), number(counts.writes_seen_done),
                        number(counts.writes_seen_torn));
  if (counts.blocks_unknown != 0)
    text += fmt::format("{}{} blocks were never acknowledged: anything may be there\n", indent,
                        number(counts.blocks_unknown));
  if (counts.short_transfers != 0)
    text += fmt::format("{}{} transfers were shorter than asked for\n", indent,
                        number(counts.short_transfers));
  print_out(text);
}

std::string conclusion_text(const Verification& verification, bool is_complete) {
  if (verification.mismatch_count() != 0)
    return fmt::format("{}WRONG: {} blocks are not what they have to be\n",
                       verification.errors_text(), verification.mismatch_count());
  if (verification.has_found_errors())
    return verification.errors_text() + "FAILED: not every I/O succeeded\n";
  return is_complete ? "all is as it has to be\n"
                     : "interrupted: nothing wrong so far, not everything was checked\n";
}

}  // namespace aio_bench
