// SPDX-License-Identifier: MIT
// A file that `aio-bench --json` wrote, read again. What the members mean is in
// json-format.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aio_bench {

struct StoredBucket {
  std::int64_t first_ns = 0;
  std::int64_t last_ns = 0;
  std::uint64_t count = 0;
};

// One repeat of a result. Without a value: that figure could not be had.
struct StoredRepeat {
  std::optional<double> io_per_second, cpu_us_per_io, system_calls_per_io;
  std::optional<double> p50_ns, p99_ns, p99_9_ns;  // of the total latency
};

// What was measured: results of two runs that are equal in this can be compared.
struct StoredSetup {
  std::string target;  // "scratch file", or its path
  std::string load;
  std::uint64_t block_bytes = 0, block_bytes_least = 0;
  std::string cache;
  unsigned jobs = 1;
  std::string notify;
  unsigned vector_count = 1;
  std::string pace;
  double wanted_io_per_second = 0;  // 0: at full pace
  std::string manner;               // of the whole run: "O_DSYNC", "cold", "batches of 8", ""
  unsigned depth = 1;
  std::string engine;

  // The same but for depth and engine.
  bool is_of_group(const StoredSetup& other) const;
  friend bool operator==(const StoredSetup&, const StoredSetup&) = default;
};

// "randread of 4 KiB, O_DIRECT, 2 jobs, by signal": all but target, depth, engine.
std::string setup_text(const StoredSetup& setup, bool with_cache = true);

struct StoredResult {
  StoredSetup setup;
  std::vector<StoredRepeat> repeats{};
  std::vector<StoredBucket> total_ns{};  // ascending
};

struct StoredRun {
  std::string path;  // of the file
  std::string program_version;
  int process_id = 0;  // 0: of a version that did not tell
  std::string started_at, kernel;
  std::string host_name;  // "": likewise
  std::string cpu_model;
  unsigned cpu_count = 0;
  std::string c_library, end;
  std::vector<std::string> targets{};  // "path (ext4)"
  std::vector<StoredResult> results{};
};

// "-" is standard input. Throws UsageError when it cannot be read, is not of this format
// or version, or a member is missing.
StoredRun read_stored_run(const std::string& path);

// The figure over the repeats, without those that do not have it.
inline std::vector<double> values_of(const StoredResult& result,
                                     std::optional<double> StoredRepeat::*figure) {
  std::vector<double> values;
  for (const StoredRepeat& repeat : result.repeats)
    if (repeat.*figure) values.push_back(*(repeat.*figure));
  return values;
}

}  // namespace aio_bench
