// SPDX-License-Identifier: MIT
// A process's statistics in a file, for whoever looks at them from outside while it runs, or after
// it has ended in whatever way. They say of themselves what they are, as the reader may be of
// another version.
//
// Behind the heading, at `heading_bytes`, lie `shard_count` shards of `shard_bytes` each, which
// begin with `counter_count` counters of 64 bits: the sums over all shards are the counts.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace kaio {

struct LiveFile {
  static constexpr std::uint64_t magic_number = 0x6576696c6f69616b;  // "kaiolive"
  static constexpr std::uint32_t version_now = 1;
  static constexpr std::size_t counters_max = 64;

  std::atomic<std::uint64_t> magic;  // release: all else is there
  std::uint32_t version;
  std::uint32_t heading_bytes;
  std::uint32_t shard_count;
  std::uint32_t shard_bytes;
  std::uint32_t counter_count;
  std::int32_t pid;
  std::int64_t begin_ns;  // CLOCK_MONOTONIC
  char program[64];
  char names[counters_max][32];  // of the counters
};
static_assert(sizeof(LiveFile) <= 4096);

}  // namespace kaio
