// SPDX-License-Identifier: MIT
// The command line of aio-bench verify, and what becomes of it with the target and the
// journal.
#pragma once

#include "engines/io_engine.h"
#include "loads/load.h"
#include "targets/target.h"
#include "verify/journal.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aio_bench {

struct VerifyOptions {
  std::string target;  // empty: a scratch file, or with --continue what the journal names
  std::vector<std::string> engine_names;
  bool engines_are_optional = false;  // none was asked for by name
  std::vector<Cache> caches;
  bool direct_is_optional = false;
  std::uint64_t block_bytes = 0;
  std::uint64_t least_io_bytes = 0, most_io_bytes = 0;
  unsigned depth = 0;
  std::uint64_t size_bytes = 0;  // 0: all of an existing target
  double seconds = 0;            // of each engine and cache mode
  unsigned reads_percent = 0;
  unsigned cancels_percent = 0;
  bool are_cancels_asked_for = false;  // by name
  std::optional<std::uint64_t> seed;
  std::string journal_path;
  bool is_continued = false;
  bool synced_only = false;
  bool write = false;
  std::string destroy;
  bool force = false;

  bool has_scratch_file() const noexcept { return target.empty() && !is_continued; }
  unsigned cancels_percent_for(const std::string& engine_name) const noexcept {
    // glibc's stops working on a descriptor after some cancellations, as of 2.36.
    return engine_name == "glibc" && !are_cancels_asked_for ? 0 : cancels_percent;
  }
  bool does_write() const noexcept { return !is_continued || write; }
};

// Nothing when the command line only asked for help, which was printed. Throws
// UsageError.
std::optional<VerifyOptions> parse_verify_options(int argument_count, const char* const* arguments);

// The engine of a pass, which learns of completions as most programs do.
inline EngineSetup setup_for_verify(int fd, std::span<Transfer> transfers) {
  return {.fd = fd, .notify = Notify::suspend, .transfers = transfers, .cancels = true};
}

// Throws UsageError or RunError, with what to do about it.
Target open_verify_target(const VerifyOptions& options);

// Leaves out, and says so, the engines and cache modes that do not work here and
// were not asked for by name. Returns how much of the target is used: whole blocks.
std::uint64_t adapt_to_target(VerifyOptions& options, const Target& target);

void adapt_to_journal(VerifyOptions& options, const JournalHeader& header);

std::string absolute_path(const std::string& path);

}  // namespace aio_bench
