// SPDX-License-Identifier: MIT
// The command line of `run`.
#pragma once

#include "loads/load.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aio_bench {

struct Options : LoadSettings {
  std::vector<std::string> targets;  // empty: a scratch file
  std::vector<std::string> engine_names;
  bool engines_are_optional = false;  // none was asked for by name

  std::vector<Load> loads;
  std::vector<BlockSize> blocks;
  std::vector<unsigned> depths;
  std::vector<unsigned> job_counts;
  std::vector<Cache> caches;
  bool direct_is_optional = false;  // not asked for alone: without O_DIRECT, buffered only
  std::vector<Notify> notifies;
  bool dsync = false;
  bool cold = false;
  bool extend = false;

  std::uint64_t size_bytes = 0;  // 0: all of an existing target
  unsigned repeats = 0;

  bool write = false;
  std::vector<std::string> destroy;
  bool force = false;

  bool count_system_calls = false;
  std::string json_path;
  std::string csv_path;
  double csv_interval_seconds = 0;
  std::vector<std::string> command_line;

  bool has_scratch_file() const noexcept { return targets.empty(); }
  bool has_writes() const noexcept;
  bool has_reads() const noexcept;
  std::size_t greatest_block_bytes() const noexcept;
};

// Nothing when the command line only asked for help, which was printed. Throws
// UsageError.
std::optional<Options> parse_options(int argument_count, const char* const* arguments);

// Throws UsageError for what does not go together, whatever the target is.
void check_combinations(const Options& options);

}  // namespace aio_bench
