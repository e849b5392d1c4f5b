// SPDX-License-Identifier: MIT
// The command line.
#pragma once

#include "load.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aio_bench {

struct Options {
  std::string target;  // empty: a scratch file
  std::vector<std::string> engine_names;
  bool engines_are_optional = false;  // none was asked for by name
  Load load;
  Notify notify = Notify::suspend;
  std::vector<Cache> caches;
  bool direct_is_optional = false;  // --cache both: without O_DIRECT, buffered only
  std::size_t block_bytes = 0;
  std::vector<unsigned> depths;
  std::uint64_t size_bytes = 0;  // 0: all of an existing target
  double seconds = 0;
  unsigned repeats = 0;
  bool cold = false;
  bool extend = false;
  std::string json_path;
  std::string plot_path;

  bool has_scratch_file() const noexcept { return target.empty(); }
};

// Nothing when the command line only asked for help, which was printed. Throws
// UsageError.
std::optional<Options> parse_options(int argument_count, const char* const* arguments);

}  // namespace aio_bench
