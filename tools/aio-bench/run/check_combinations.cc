// SPDX-License-Identifier: MIT
#include "base/errors.h"
#include "base/text.h"
#include "run/options.h"

#include <algorithm>
#include <fmt/format.h>

namespace aio_bench {

namespace {

void check_writing(const Options& options) {
  if (options.has_scratch_file()) {
    if (options.write || !options.destroy.empty() || options.force)
      throw UsageError(
          "--write, --destroy and --force are for a target that exists: name one, or leave them "
          "out; a scratch file may always be written");
    return;
  }
  for (const std::string& path : options.destroy)
    if (std::ranges::find(options.targets, path) == options.targets.end())
      throw UsageError("--destroy={} is not one of the targets: nothing was written", path);
  if (!options.has_writes()) {
    if (options.write || !options.destroy.empty() || options.force)
      throw UsageError(
          "--write, --destroy and --force do not fit loads that only read: give --load randwrite, "
          "write, randrw or rw, or leave them out");
    return;
  }
  for (const std::string& path : options.targets)
    if (!options.write || std::ranges::find(options.destroy, path) == options.destroy.end())
      throw UsageError(
          "a load that writes would destroy what is on {}: to allow it, add --write --destroy={}",
          path, path);
}

void check_writes_wanted(const Options& options) {
  if (options.has_writes()) return;
  if (options.dsync) throw UsageError("--dsync is about writes: give a --load that writes");
  if (options.fsync_every != 0)
    throw UsageError("--fsync is about writes: give a --load that writes");
}

void check_going_once(const Options& options) {
  const bool has_range = std::ranges::any_of(options.blocks, [](const BlockSize& block) {
    return block.least_bytes != block.greatest_bytes;
  });
  if (options.cold && options.has_writes())
    throw UsageError("--cold is about reads: use it with --load randread or read");
  if ((options.cold || options.extend) && has_range)
    throw UsageError("--cold and --extend use each block once: give blocks of one size");
  if (!options.extend) return;
  if (!options.has_scratch_file() || !std::ranges::all_of(options.loads, [](Load load) {
        return load == Load{false, 0};
      }))
    throw UsageError("--extend grows a scratch file: use it with --load write and no target");
  if (options.job_counts != std::vector{1U})
    throw UsageError("--extend grows one file in order: leave out --jobs");
}

void check_vectors(const Options& options) {
  for (const BlockSize& block : options.blocks)
    if (block.least_bytes % options.vector_count != 0)
      throw UsageError("--vectors {} does not divide a block of {} bytes", options.vector_count,
                       block.least_bytes);
}

void check_jobs(const Options& options) {
  const auto uses = [&options](Notify notify) {
    return std::ranges::find(options.notifies, notify) != options.notifies.end();
  };
  const unsigned most = std::ranges::max(options.job_counts);
  if (uses(Notify::waitcomplete) && most > 1)
    throw UsageError(
        "--notify waitcomplete gives a thread the requests of others: use it with one job");
  constexpr unsigned signal_job_count = 28;  // real-time signals, less what others may use
  if (uses(Notify::signal) && most > signal_job_count)
    throw UsageError("--notify signal takes a signal number for each job: give --jobs up to {}",
                     signal_job_count);
}

void check_sizes(const Options& options) {
  const std::size_t block_bytes = options.greatest_block_bytes();
  if (options.has_scratch_file() && options.size_bytes < block_bytes)
    throw UsageError("--size {} is smaller than one block of {}", size_text(options.size_bytes),
                     size_text(block_bytes));
  const unsigned most_jobs = std::ranges::max(options.job_counts);
  if (options.amount_bytes != 0 && options.amount_bytes / most_jobs < block_bytes)
    throw UsageError("--amount {} is less than one block of {} for each of {} jobs",
                     size_text(options.amount_bytes), size_text(block_bytes), most_jobs);
}

}  // namespace

void check_combinations(const Options& options) {
  for (auto at = options.targets.begin(); at != options.targets.end(); ++at)
    if (std::find(options.targets.begin(), at, *at) != at)
      throw UsageError(*at + " is named twice: each target is measured once");
  check_writing(options);
  check_writes_wanted(options);
  check_going_once(options);
  check_vectors(options);
  check_jobs(options);
  check_sizes(options);
}

}  // namespace aio_bench
