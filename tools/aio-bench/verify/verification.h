// SPDX-License-Identifier: MIT
// One verification: what is known of the target, and what was found out so far.
#pragma once

#include "base/random.h"
#include "verify/block_map.h"
#include "verify/journal.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace aio_bench {

struct IoCounts {
  std::uint64_t writes = 0;  // acknowledged
  std::uint64_t reads = 0;   // completed
  std::uint64_t cancels_asked = 0;
  std::uint64_t cancelled_writes = 0;
  std::uint64_t cancelled_reads = 0;
  std::uint64_t short_transfers = 0;
  std::uint64_t blocks_checked = 0;
  std::uint64_t blocks_unknown = 0;      // nothing is known of what should be there
  std::uint64_t writes_seen_done = 0;    // doubtful blocks that showed the newest write...
  std::uint64_t writes_seen_undone = 0;  // ...an older one...
  std::uint64_t writes_seen_torn = 0;    // ...or parts of several: all of it legal

  // Of a pass that is called so, in lines of at most `width` where that is possible.
  std::string text(const std::string& name, const std::string& engine_name, const char* cache,
                   unsigned width) const;
};

class Verification {
 public:
  Verification(std::uint64_t block_bytes, std::uint64_t area_bytes, std::uint64_t run,
               std::uint64_t seed);

  std::uint64_t block_bytes() const noexcept { return block_bytes_; }
  std::uint64_t new_generation() noexcept { return ++generation_; }
  void raise_generation(std::uint64_t generation) noexcept;

  // Checks blocks that were read, and counts what was seen.
  void check(std::span<const std::byte> data, const BlockRange& range, IoCounts& counts);
  void note_failure(std::string text);

  bool has_found_errors() const noexcept { return mismatch_count() + failure_count_ > 0; }
  std::uint64_t mismatch_count() const noexcept { return wrong_blocks_.size(); }
  // The verdict, behind the first I/Os that failed and the mismatches of the lowest offsets.
  std::string conclusion(bool is_complete) const;

  const StampMaker maker;
  BlockMap blocks;
  Random random;
  std::optional<Journal> journal;

 private:
  std::string errors_text() const;

  const std::uint64_t block_bytes_;
  std::uint64_t generation_ = 0;
  std::uint64_t failure_count_ = 0;
  std::unordered_set<std::uint64_t> wrong_blocks_;  // each counts once, however often read
  // Of the wrong blocks with the lowest offsets: reads end in any order, and a report of
  // the same damage reads the same each time.
  std::map<std::uint64_t, Mismatch> lowest_mismatches_;
  std::vector<std::string> first_failures_;
};

}  // namespace aio_bench
