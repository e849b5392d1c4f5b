// SPDX-License-Identifier: MIT
#include "session.h"

#include "engines.h"
#include "errors.h"
#include "interrupt.h"
#include "load_loop.h"
#include "posix_engine.h"
#include "progress.h"
#include "text.h"

#include <algorithm>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace aio_bench {

namespace {

void drop_direct(Options& options, const Target& target, Report& report) {
  const auto direct = std::ranges::find(options.caches, Cache::direct);
  if (direct == options.caches.end()) return;
  if (!target.direct) {
    const std::string what =
        fmt::format("O_DIRECT does not work for {}{}", target.path,
                    target.file_system.empty() ? "" : " (" + target.file_system + ")");
    if (!options.direct_is_optional) throw UsageError(what + ": use --cache buffered");
    report.notes.push_back(what + ": buffered only");
    options.caches.erase(direct);
    return;
  }
  if (options.block_bytes % target.direct_block_bytes != 0)
    throw UsageError(fmt::format("--block-size {} does not go with O_DIRECT on {}: give a multiple "
                                 "of {}, or --cache buffered", options.block_bytes, target.path,
                                 target.direct_block_bytes));
}

void drop_engines(Options& options, Report& report) {
  std::erase_if(options.engine_names, [&](const std::string& name) {
    try {
      Transfer unused;
      Histogram submit_ns;
      make_engine(name, options.notify, {.transfers = {&unused, 1}, .submit_ns = submit_ns});
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
  const auto depth = std::ranges::max(options.depths);
  const auto half_of_memory = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                              static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) / 2;
  if (depth * std::uint64_t{options.block_bytes} > half_of_memory)
    throw UsageError(fmt::format("depth {} with blocks of {} needs more than half of the memory: "
                                 "lower --depth or --block-size", depth,
                                 size_text(options.block_bytes)));
  if (options.notify == Notify::signal) check_signal_limit(depth);
}

class Session {
 public:
  Session(const Options& options, const Target& target, Report& report)
      : options_(options), target_(target), report_(report) {
    for (const Cache cache : options.caches)
      for (const unsigned depth : options.depths)
        for (const auto& engine_name : options.engine_names)
          report.results.push_back({.engine_name = engine_name, .cache = cache, .depth = depth});
    report.measurements_planned =
        static_cast<unsigned>(report.results.size()) * options.repeats;
  }

  void run() {
    posix_fadvise(target_.buffered.number(), 0, 0,
                  options_.load.is_random ? POSIX_FADV_RANDOM : POSIX_FADV_NORMAL);
    for (unsigned round = 0; round < options_.repeats; ++round) {
      for (auto at = report_.results.begin(); at != report_.results.end();
           at += static_cast<std::ptrdiff_t>(options_.engine_names.size()))
        if (!run_engines(at, round)) return;
    }
  }

 private:
  using Place = std::vector<Result>::iterator;

  // All engines at one depth and cache mode; another one goes first each round.
  bool run_engines(Place first, unsigned round) {
    if (first->cache == Cache::buffered && !options_.load.is_write && !options_.cold) warm_pages();
    const auto count = options_.engine_names.size();
    for (std::size_t i = 0; i < count; ++i)
      if (!measure(first[static_cast<std::ptrdiff_t>((i + round) % count)], round)) return false;
    return true;
  }

  void warm_pages() {
    progress_.show("reading the area into the page cache");
    if (target_.warm_pages() || is_too_large_noted_) return;
    is_too_large_noted_ = true;
    report_.notes.push_back("the area is too large to be cached as a whole: buffered reads find "
                            "some of it cached");
  }

  // False when the run has to end.
  bool measure(Result& result, unsigned round) {
    show_progress(result);
    if (options_.extend) target_.truncate();
    else if (options_.load.is_write) target_.settle();
    if (options_.cold) target_.drop_pages();
    const Measurement measured = run_load(plan(result, round));
    if (!measured.is_complete) return false;
    const auto io_count = static_cast<double>(measured.io_count);
    result.io_per_second.push_back(io_count / measured.elapsed_seconds);
    result.cpu_us_per_io.push_back(measured.cpu_seconds * 1e6 / io_count);
    result.io_count += measured.io_count;
    result.latency_ns.merge(measured.latency_ns);
    result.submit_ns.merge(measured.submit_ns);
    ++report_.measurements_done;
    last_ = fmt::format(", last: {} {} IOPS", result.engine_name,
                        count_text(result.io_per_second.back()));
    return true;
  }

  LoadPlan plan(const Result& result, unsigned round) const {
    const bool once = options_.cold || options_.extend;
    return {.engine_name = result.engine_name,
            .notify = options_.notify,
            .load = options_.load,
            .once = once,
            .fd = target_.descriptor(result.cache),
            .area_bytes = target_.area_bytes,
            .block_bytes = options_.block_bytes,
            .depth = result.depth,
            .seconds = options_.seconds,
            .ramp_up_seconds = once ? 0 : ramp_up_seconds(),
            .seed = round + 1};
  }

  double ramp_up_seconds() const { return std::min(0.25, options_.seconds / 10); }

  void show_progress(const Result& result) const {
    const unsigned left = report_.measurements_planned - report_.measurements_done;
    progress_.show(fmt::format("{}/{} {}, depth {}, {}{}, {} left", report_.measurements_done + 1,
                               report_.measurements_planned, cache_name(result.cache),
                               result.depth, result.engine_name, last_,
                               duration_text(left * (options_.seconds + ramp_up_seconds()))));
  }

  const Options& options_;
  const Target& target_;
  Report& report_;
  ProgressLine progress_;
  std::string last_;
  bool is_too_large_noted_ = false;
};

}  // namespace

void adapt_to_machine(Options& options, Report& report) {
  check_memory(options);
  drop_engines(options, report);
}

void adapt_to_target(Options& options, const Target& target, Report& report) {
  report.notes.insert(report.notes.end(), target.notes.begin(), target.notes.end());
  drop_direct(options, target, report);
}

void run_session(const Options& options, const Target& target, Report& report) {
  try {
    Session(options, target, report).run();
  } catch (const RunError& error) {
    report.failure = error.what();
  } catch (const Interrupted&) {
    // Shown by main, as for any other moment of Ctrl-C.
  }
  std::erase_if(report.results, [](const Result& result) { return result.io_count == 0; });
}

}  // namespace aio_bench
