// SPDX-License-Identifier: MIT
#include "base/errors.h"
#include "base/interrupt.h"
#include "base/output.h"
#include "commands.h"
#include "engines/posix_engine.h"
#include "report/json_writer.h"
#include "report/table.h"
#include "run/options.h"
#include "run/session.h"

#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <utility>

namespace aio_bench {

namespace {

// What can be known to fail is found out before a minute is spent on measuring.
void check_outputs(const Options& options) {
  for (const auto& [option, path] :
       {std::pair{"--json", &options.json_path}, std::pair{"--csv", &options.csv_path}})
    if (!path->empty() && !is_standard_output(*path)) check_output(option, *path, options.targets);
  if (!options.json_path.empty() &&
      (options.json_path == options.csv_path ||
       (is_standard_output(options.json_path) && is_standard_output(options.csv_path))))
    throw UsageError("--json and --csv both name {}: give each a file of its own",
                     options.json_path);
}

TargetWish wish_of(const Options& options) {
  return {.size_bytes = options.size_bytes,
          .greatest_block_bytes = options.greatest_block_bytes(),
          .has_writes = options.has_writes(),
          .has_reads = options.has_reads(),
          .dsync = options.dsync,
          .force = options.force,
          .is_filled = !options.extend};
}

void open_targets(const Options& options, Report& report) {
  const TargetWish wish = wish_of(options);
  if (options.has_scratch_file()) report.targets.push_back(open_scratch_file(wish));
  for (const std::string& path : options.targets)
    report.targets.push_back(open_existing_target(path, wish));
}

// What is for people goes to standard error where figures go to standard output: they
// are to be read by a program, which the one would keep from understanding the other.
class Page {
 public:
  explicit Page(const Options& options)
      : is_aside_(is_standard_output(options.json_path) || is_standard_output(options.csv_path)) {}

  unsigned width() const { return is_aside_ ? aside_width() : output_width(); }
  void print(const std::string& text) const { is_aside_ ? print_aside(text) : print_out(text); }

 private:
  const bool is_aside_;
};

int show(const Options& options, const Report& report, const Page& page, std::size_t notes_shown) {
  // One lost does not lose the other.
  std::string lost;
  try {
    page.print(table_text(options, report, page.width()) +
               notes_text(report, notes_shown, page.width()));
  } catch (const RunError& error) {
    lost = error.what();
  }
  if (!options.json_path.empty()) write_json(options, report);
  if (!lost.empty()) throw RunError(lost);
  if (!report.failure.empty()) throw RunError(report.failure);
  if (report.is_complete()) return exit_done;
  const std::string name = interrupt_name();
  fmt::print(stderr, "aio-bench: interrupted after {} of {} measurements{}\n",
             report.measurements_done, report.measurements_planned,
             name.empty() ? "" : ", by " + name);
  return interrupt_exit_code();
}

}  // namespace

int run_command(int argument_count, const char* const* arguments) {
  auto options = parse_options(argument_count, arguments);
  if (!options) return exit_done;
  check_outputs(*options);
  watch_for_interrupt();
  block_notification_signals();
  Report report;
  report.started_at = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  adapt_to_machine(*options, report);
  open_targets(*options, report);
  adapt_to_targets(*options, report);
  plan_results(*options, report);
  const Page page(*options);
  page.print(heading_text(*options, report, page.width()));
  const std::size_t notes_shown = report.notes.size();
  run_session(*options, report);
  return show(*options, report, page, notes_shown);
}

}  // namespace aio_bench
