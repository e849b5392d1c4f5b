// SPDX-License-Identifier: MIT
// The command line of aio-bench verify.
#pragma once

#include "loads/load.h"

#include <CLI/CLI.hpp>
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

// The words as given, and what declares them to CLI11.
class VerifyWords {
 public:
  void declare(CLI::App& app);
  // Throws UsageError.
  VerifyOptions options() const;

 private:
  VerifyOptions simple_;
  std::string engines_, cache_ = "both", block_ = "4k", io_size_ = "4k-256k", depth_ = "32";
  std::string size_, seconds_ = "2", reads_ = "40", cancels_ = "10", seed_;
  CLI::Option *block_option_ = nullptr, *io_size_option_ = nullptr, *cancel_option_ = nullptr;
};

}  // namespace aio_bench
