// SPDX-License-Identifier: MIT
// The commands: `aio-bench COMMAND ...`, and without one of these words `run`. All take
// arguments as main() has them, of which the first is the command's own name, and return
// an exit code. They throw UsageError, RunError or Interrupted.
#pragma once

namespace aio_bench {

int run_command(int argument_count, const char* const* arguments);
int verify_command(int argument_count, const char* const* arguments);
int plot_command(int argument_count, const char* const* arguments);
int compare_command(int argument_count, const char* const* arguments);

struct Command {
  const char* name;
  const char* summary;  // one line of `aio-bench --help`
  int (*function)(int argument_count, const char* const* arguments);
};

constexpr Command commands[] = {
    {"run", "measure engines side by side (what is done without a command)", run_command},
    {"verify", "write blocks that can be told apart, read them back, check each", verify_command},
    {"plot", "draw results of run --json as SVG and PNG", plot_command},
    {"compare", "say what changed between two results, beyond noise", compare_command},
};

}  // namespace aio_bench
