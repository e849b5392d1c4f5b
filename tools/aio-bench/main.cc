// SPDX-License-Identifier: MIT
// aio-bench: compares ways of asynchronous I/O, side by side in one process.
//
//   options -> target -> session (rounds over all engines) -> table, JSON, plot
//                           `-> load_loop -> engine
#include "errors.h"
#include "interrupt.h"
#include "json_report.h"
#include "options.h"
#include "plot.h"
#include "session.h"
#include "table.h"
#include "target.h"

#include <cstdio>
#include <fmt/format.h>

namespace {

using namespace aio_bench;

// What can be known to fail is found out before a minute is spent on measuring.
void check_outputs(const Options& options) {
  if (!options.json_path.empty()) check_json_path(options.json_path);
  if (!options.plot_path.empty()) check_gnuplot();
}

int show(const Options& options, const Target& target, const Report& report) {
  fmt::print("{}", table_text(options, report));
  if (!options.json_path.empty()) write_json(options, target, report);
  if (!options.plot_path.empty() && !report.results.empty()) draw_plot(options, report);
  if (!report.failure.empty()) throw RunError(report.failure);
  if (report.is_complete()) return exit_done;
  fmt::print(stderr, "aio-bench: interrupted after {} of {} measurements\n",
             report.measurements_done, report.measurements_planned);
  return exit_interrupted;
}

int run(int argument_count, const char* const* arguments) {
  auto options = parse_options(argument_count, arguments);
  if (!options) return exit_done;
  check_outputs(*options);
  watch_for_interrupt();
  Report report;
  adapt_to_machine(*options, report);
  const Target target =
      options->has_scratch_file() ? open_scratch_file(*options) : open_existing_target(*options);
  adapt_to_target(*options, target, report);
  fmt::print("{}", heading_text(*options, target, report));
  std::fflush(stdout);
  run_session(*options, target, report);
  return show(*options, target, report);
}

}  // namespace

int main(int argument_count, char** arguments) {
  try {
    return run(argument_count, arguments);
  } catch (const UsageError& error) {
    fmt::print(stderr, "aio-bench: {}\n", error.what());
    return exit_usage;
  } catch (const Interrupted&) {
    fmt::print(stderr, "aio-bench: interrupted, nothing was measured\n");
    return exit_interrupted;
  } catch (const std::exception& error) {
    fmt::print(stderr, "aio-bench: {}\n", error.what());
    return exit_failed;
  }
}
