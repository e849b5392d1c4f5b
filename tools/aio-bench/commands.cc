// SPDX-License-Identifier: MIT
#include "commands.h"

#include "compare/compare_command.h"
#include "plot/plot_command.h"
#include "verify/verify_command.h"

namespace aio_bench {

const std::vector<Command>& commands() {
  static const std::vector<Command> all{
      {"run", "measure engines side by side (what is done without a command)", run_command},
      {"verify", "write blocks that can be told apart, read them back, check each", verify_command},
      {"plot", "draw results of run --json as SVG and PNG", plot_command},
      {"compare", "say what changed between two results, beyond noise", compare_command},
  };
  return all;
}

}  // namespace aio_bench
