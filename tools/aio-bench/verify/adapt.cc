// SPDX-License-Identifier: MIT
#include "base/errors.h"
#include "base/limits.h"
#include "base/output.h"
#include "base/text.h"
#include "engines/engines.h"
#include "verify/verify_options.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

namespace aio_bench {

namespace {

constexpr std::uint64_t memory_divisor = 4;

void drop_engines(VerifyOptions& options, const Target& target) {
  std::erase_if(options.engine_names, [&](const std::string& name) {
    try {
      std::vector<Transfer> transfers(options.depth);
      make_engine(name, setup_for_verify(target.buffered.number(), transfers));
      return false;
    } catch (const RunError& error) {
      if (!options.engines_are_optional) throw;
      print_out(fmt::format("note: {}\n", error.what()));
      return true;
    }
  });
  if (options.engine_names.empty()) throw RunError("no engine can be used here");
}

void drop_direct(VerifyOptions& options, const Target& target) {
  const auto direct = std::ranges::find(options.caches, Cache::direct);
  if (direct == options.caches.end()) return;
  std::string what;
  if (!target.direct)
    what = fmt::format("O_DIRECT does not work for {}", target.path);
  else if (options.block_bytes % target.direct_block_bytes != 0)
    what = fmt::format("--block-size {} is no multiple of {}, as O_DIRECT on {} wants it",
                       options.block_bytes, target.direct_block_bytes, target.path);
  if (what.empty()) return;
  if (!options.direct_is_optional) throw UsageError(what + ": use --cache buffered");
  print_out(fmt::format("note: {}: buffered only\n", what));
  options.caches.erase(direct);
}

// What is known of each block is kept in memory.
void check_memory(std::uint64_t area_bytes, std::uint64_t block_bytes) {
  const std::uint64_t wanted_bytes = area_bytes / block_bytes * sizeof(LegalGenerations);
  if (wanted_bytes <= machine_memory_bytes() / memory_divisor) return;
  throw UsageError(
      "{} in blocks of {} take {} of memory to keep track of: give a smaller --size or a larger "
      "--block-size",
      size_text(area_bytes), size_text(block_bytes), size_text(wanted_bytes));
}

}  // namespace

Target open_verify_target(const VerifyOptions& options) {
  const TargetWish wish{.size_bytes = options.size_bytes,
                        .greatest_block_bytes = options.most_io_bytes,
                        .has_writes = options.does_write(),
                        .has_reads = true,
                        .force = options.force,
                        .is_filled = false};  // verify does that itself
  return options.has_scratch_file() ? open_scratch_file(wish)
                                    : open_existing_target(options.target, wish);
}

std::uint64_t adapt_to_target(VerifyOptions& options, const Target& target) {
  drop_engines(options, target);
  drop_direct(options, target);
  check_memory(target.area_bytes, options.block_bytes);
  return target.area_bytes / options.block_bytes * options.block_bytes;
}

void adapt_to_journal(VerifyOptions& options, const JournalHeader& header) {
  if (options.target.empty()) options.target = header.target;
  if (options.write && options.destroy != options.target)
    throw UsageError("--destroy={} is not the target {}: nothing was written", options.destroy,
                     options.target);
  options.size_bytes = header.area_bytes;
  if (header.block_bytes != options.block_bytes) {
    options.block_bytes = header.block_bytes;
    const auto up = [&](std::uint64_t bytes) {
      return (bytes + header.block_bytes - 1) / header.block_bytes * header.block_bytes;
    };
    options.least_io_bytes = up(options.least_io_bytes);
    options.most_io_bytes = up(options.most_io_bytes);
  }
}

std::string absolute_path(const std::string& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

}  // namespace aio_bench
