// SPDX-License-Identifier: MIT
#include "run/session.h"

#include "base/clock.h"
#include "base/errors.h"
#include "base/interrupt.h"
#include "base/output.h"
#include "base/text.h"
#include "loads/run_load.h"
#include "report/csv_log.h"

#include <algorithm>
#include <fcntl.h>
#include <fmt/format.h>

namespace aio_bench {

namespace {

class Session {
 public:
  Session(const Options& options, Report& report)
      : options_(options), report_(report), begin_ns_(now_ns()) {
    if (!options.csv_path.empty())
      csv_.emplace(options.csv_path, options.csv_interval_seconds, report);
  }

  void run() {
    for (unsigned round = 0; round < options_.repeats; ++round)
      for (auto first = report_.results.begin(); first != report_.results.end();) {
        const auto last = std::find_if(first, report_.results.end(), [first](const Result& result) {
          return !result.what.is_comparable(first->what);
        });
        if (!run_group({first, last}, round)) return;
        first = last;
      }
  }

 private:
  // All engines on the same work; another one goes first each round.
  bool run_group(std::span<Result> group, unsigned round) {
    const Case& common = group.front().what;
    const Target& target = report_.targets[common.target];
    posix_fadvise(target.buffered.number(), 0, 0,
                  common.load.is_random ? POSIX_FADV_RANDOM : POSIX_FADV_NORMAL);
    if (common.cache == Cache::buffered && common.load.has_reads() && !options_.cold)
      warm_pages(target);
    for (std::size_t i = 0; i < group.size(); ++i)
      if (!measure(group[(i + round) % group.size()], round)) return false;
    return true;
  }

  void warm_pages(const Target& target) {
    progress_.show("reading the area into the page cache");
    if (target.warm_pages() || is_too_large_noted_) return;
    is_too_large_noted_ = true;
    report_.notes.push_back(
        "the area is too large to be cached as a whole: buffered reads find some of it cached");
  }

  // False when the run has to end.
  bool measure(Result& result, unsigned round) {
    const Target& target = report_.targets[result.what.target];
    show_progress(result, nullptr);
    if (options_.extend)
      target.truncate();
    else if (options_.has_writes())
      target.settle();
    if (options_.cold) target.drop_pages();
    const double started_seconds = static_cast<double>(now_ns() - begin_ns_) / 1e9;
    const Measurement measured = run_load(plan(result, round, started_seconds));
    if (!measured.is_complete) {
      keep_what_is_there(result, measured, started_seconds);
      return false;
    }
    result.add(measured, started_seconds);
    ++report_.measurements_done;
    return true;
  }

  // Of a measurement that was cut short, which may have taken an hour. Beside whole
  // ones it would only be noise.
  void keep_what_is_there(Result& result, const Measurement& measured, double started_seconds) {
    if (!result.repeats.empty() || measured.io_count == 0) return;
    result.add(measured, started_seconds);
    report_.notes.push_back(
        fmt::format("{} at depth {} was interrupted, and is shown as far as it went: {:.1f} s",
                    result.what.engine_name, result.what.depth, measured.elapsed_seconds));
  }

  LoadPlan plan(const Result& result, unsigned round, double started_seconds) {
    const Case& what = result.what;
    const Target& target = report_.targets[what.target];
    LoadPlan plan{what, options_};
    plan.once = options_.cold || options_.extend;
    plan.fd = target.descriptor(what.cache);
    plan.area_bytes = target.area_bytes;
    plan.seed = round + 1;
    if (csv_ || progress_.is_shown()) {
      plan.sample_interval_seconds = csv_ ? std::min(options_.csv_interval_seconds, 0.25) : 0.25;
      plan.on_sample = [this, &result, started_seconds, round](const Sample& sample) {
        show_progress(result, &sample);
        if (csv_) csv_->add(result, round, started_seconds, sample);
      };
    }
    return plan;
  }

  void show_progress(const Result& result, const Sample* sample) const {
    if (!progress_.is_shown()) return;
    const double per_measurement = options_.seconds + options_.ramp_up_seconds;
    const unsigned left_count = report_.measurements_planned - report_.measurements_done;
    std::string text =
        fmt::format("{}/{} {} {}, {}, depth {}, {}", report_.measurements_done + 1,
                    report_.measurements_planned, load_name(result.what.load),
                    size_text(result.what.block.greatest_bytes), cache_name(result.what.cache),
                    result.what.depth, result.what.engine_name);
    double left_seconds = left_count * per_measurement;
    if (sample != nullptr) {
      const double io_per_second = static_cast<double>(sample->io_count) / sample->interval_seconds;
      const double mib_per_second =
          static_cast<double>(sample->byte_count) / sample->interval_seconds / (1 << 20);
      text +=
          fmt::format(": {} IOPS, {} MiB/s", count_text(io_per_second), count_text(mib_per_second));
      left_seconds -= std::min(sample->seconds_so_far, per_measurement);
    }
    // How long an amount takes is known from those before.
    if (options_.seconds == 0 && report_.measurements_done > 0)
      left_seconds =
          static_cast<double>(now_ns() - begin_ns_) / 1e9 / report_.measurements_done * left_count;
    if (left_seconds > 0) text += fmt::format(", {} left", duration_text(left_seconds));
    progress_.show(text);
  }

  const Options& options_;
  Report& report_;
  const std::int64_t begin_ns_;
  ProgressLine progress_;
  std::optional<CsvLog> csv_;
  bool is_too_large_noted_ = false;
};

}  // namespace

void run_session(const Options& options, Report& report) {
  try {
    Session(options, report).run();
  } catch (const RunError& error) {
    report.failure = error.what();
  } catch (const Interrupted&) {
    // Shown by the command, as for any other moment of Ctrl-C.
  }
  std::erase_if(report.results, [](const Result& result) { return result.repeats.empty(); });
}

}  // namespace aio_bench
