// SPDX-License-Identifier: MIT
#include "base/errors.h"
#include "base/limits.h"
#include "base/text.h"
#include "engines/engines.h"
#include "engines/posix_engine.h"
#include "run/session.h"

#include <algorithm>
#include <fmt/format.h>

namespace aio_bench {

namespace {

void drop_direct(Options& options, const Target& target, Report& report) {
  const auto direct = std::ranges::find(options.caches, Cache::direct);
  if (direct == options.caches.end() || target.direct) return;
  const std::string what =
      fmt::format("O_DIRECT does not work for {}{}", target.path,
                  target.file_system.empty() ? "" : " (" + target.file_system + ")");
  if (!options.direct_is_optional) throw UsageError(what + ": use --cache buffered");
  report.notes.push_back(what + ": buffered only");
  options.caches.erase(direct);
  if (options.caches.empty()) options.caches = {Cache::buffered};
}

void check_alignment(const Options& options, const Target& target) {
  if (std::ranges::find(options.caches, Cache::direct) == options.caches.end()) return;
  for (const BlockSize& block : options.blocks) {
    if (block.least_bytes % target.direct_block_bytes != 0)
      throw UsageError(
          "--block-size {} does not go with O_DIRECT on {}: give a multiple of {}, or --cache "
          "buffered",
          block.least_bytes, target.path, target.direct_block_bytes);
    if (block.least_bytes / options.vector_count % target.direct_block_bytes != 0)
      throw UsageError(
          "--vectors {} cuts a block of {} into pieces that do not go with O_DIRECT on {}: make "
          "each a multiple of {}",
          options.vector_count, block.least_bytes, target.path, target.direct_block_bytes);
  }
}

void check_parts(const Options& options, const Target& target) {
  const unsigned jobs = std::ranges::max(options.job_counts);
  if (target.area_bytes / jobs < std::max<std::uint64_t>(2 * options.greatest_block_bytes(), 8192))
    throw UsageError("{} ({}) is too small for {} jobs: give fewer --jobs", target.path,
                     size_text(target.area_bytes), jobs);
}

void drop_engines(Options& options, Report& report) {
  std::erase_if(options.engine_names, [&](const std::string& name) {
    const auto notify = *std::ranges::find_if(
        options.notifies, [&name](Notify one) { return can_notify(name, one); });
    try {
      Transfer unused;
      make_engine(name, {.notify = notify, .transfers = {&unused, 1}});
      return false;
    } catch (const RunError& error) {
      // Without kaio there is nothing to compare: this build is broken.
      if (!options.engines_are_optional || name == "kaio") throw;
      report.notes.push_back(error.what());
      return true;
    }
  });
  if (options.engine_names.empty()) throw RunError("no engine can be used here");
}

void check_memory(const Options& options) {
  const std::uint64_t depth = std::ranges::max(options.depths);
  const std::uint64_t outstanding_count = depth * std::ranges::max(options.job_counts);
  if (outstanding_count * options.greatest_block_bytes() > machine_memory_bytes() / 2)
    throw UsageError(
        "{} outstanding blocks of {} need more than half of the memory: lower --depth, --jobs or "
        "--block-size",
        outstanding_count, size_text(options.greatest_block_bytes()));
  if (std::ranges::find(options.notifies, Notify::signal) != options.notifies.end())
    check_signal_limit(static_cast<unsigned>(outstanding_count));
}

void add_cases(const Options& options, const Case& common, Report& report) {
  const bool is_wanted_depth = std::ranges::count(options.depths, common.depth) != 0;
  for (const Notify notify : options.notifies)
    for (const std::string& engine_name : options.engine_names) {
      if (!can_notify(engine_name, notify)) continue;
      // It has one outstanding whatever the depth: measured at that alone.
      if (is_synchronous(engine_name) ? common.depth != 1 : !is_wanted_depth) continue;
      report.results.push_back({.what = common});
      report.results.back().what.notify = notify;
      report.results.back().what.engine_name = engine_name;
    }
}

}  // namespace

void adapt_to_machine(Options& options, Report& report) {
  check_memory(options);
  drop_engines(options, report);
  if (options.count_system_calls) {
    if (!count_system_calls())
      throw RunError(
          "--count-system-calls: the kernel does not let this user count them: run aio-bench as "
          "root, with tracefs mounted (mount -t tracefs nodev /sys/kernel/tracing), or leave it "
          "out");
    report.has_kernel_counted_system_calls = true;
  }
}

void adapt_to_targets(Options& options, Report& report) {
  for (const Target& target : report.targets) {
    drop_direct(options, target, report);
    check_alignment(options, target);
    check_parts(options, target);
  }
}

void plan_results(const Options& options, Report& report) {
  std::vector<unsigned> depths = options.depths;
  if (std::ranges::find(depths, 1U) == depths.end()) depths.insert(depths.begin(), 1);
  for (std::size_t target = 0; target < report.targets.size(); ++target)
    for (const Load load : options.loads)
      for (const BlockSize& block : options.blocks)
        for (const Cache cache : options.caches)
          for (const unsigned job_count : options.job_counts)
            for (const unsigned depth : depths)
              add_cases(options,
                        {.target = target,
                         .load = load,
                         .block = block,
                         .cache = cache,
                         .job_count = job_count,
                         .depth = depth},
                        report);
  for (Result& result : report.results)
    result.system_calls_counted = report.has_kernel_counted_system_calls
                                      ? "all"
                                      : counted_calls(result.what.engine_name, result.what.notify);
  report.measurements_planned = static_cast<unsigned>(report.results.size()) * options.repeats;
}

double planned_seconds(const Options& options, const Report& report) {
  return report.measurements_planned * (options.seconds + options.ramp_up_seconds);
}

}  // namespace aio_bench
