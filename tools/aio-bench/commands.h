// SPDX-License-Identifier: MIT
// The commands: `aio-bench COMMAND ...`, and without one of these words `run`.
#pragma once

#include <string>
#include <vector>

namespace aio_bench {

struct Command {
  const char* name;
  const char* summary;  // one line of `aio-bench --help`
  // Arguments as main() has them, of which the first is the command's own name.
  // Returns an exit code; throws UsageError, RunError or Interrupted.
  int (*function)(int argument_count, const char* const* arguments);
};

const std::vector<Command>& commands();

int run_command(int argument_count, const char* const* arguments);

}  // namespace aio_bench
