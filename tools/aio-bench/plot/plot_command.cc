// SPDX-License-Identifier: MIT
#include "plot/plot_command.h"

#include "base/command_line.h"
#include "base/errors.h"
#include "base/standard_output.h"
#include "plot/draw.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>

namespace aio_bench {

namespace {

constexpr const char* footer = R"(Examples:
  aio-bench plot run.json                draws run-depth.svg and .png, run-latency.svg and .png
  aio-bench plot before.json after.json -o both

For every load, block size, target and so on there are two pictures: throughput and
latency against depth, and the latency at each percentile. What differs between them
is in their names. Files of these names are written over. Exit codes: 0 done,
1 failed, 2 wrong usage or a file that is no result. - is standard input.)";

std::string default_prefix(const std::string& path) {
  return path.ends_with(".json") ? path.substr(0, path.size() - 5) : path;
}

}  // namespace

int plot_command(int argument_count, const char* const* arguments) {
  CLI::App app("Draws results of aio-bench --json, as SVG and PNG, with gnuplot.",
               "aio-bench plot");
  app.set_help_flag("-h,--help", "this text");
  app.footer(footer);
  app.get_formatter()->column_width(26);
  std::vector<std::string> paths;
  std::string prefix;
  app.add_option("RESULT.json", paths, "what --json wrote; of several, each gets its own curves")
      ->required()
      ->type_name("");
  app.add_option("-o,--output", prefix, "what the pictures' names begin with (the first file's)")
      ->type_name("PREFIX");
  if (!parse_arguments(app, argument_count, arguments)) return exit_done;

  if (std::ranges::count(paths, "-") > 1)
    throw UsageError("'-' is standard input, which holds one result: name files for the others");
  if (prefix.empty() && paths.front() == "-")
    throw UsageError("the pictures of standard input have no name: give --output PREFIX");
  if (prefix.empty()) prefix = default_prefix(paths.front());
  std::vector<StoredRun> runs;
  for (const auto& path : paths) runs.push_back(read_stored_run(path));
  for (const auto& path : draw_pictures(runs, prefix)) print_out(path + "\n");
  return exit_done;
}

}  // namespace aio_bench
