// SPDX-License-Identifier: MIT
#include "commands.h"

namespace aio_bench {

const std::vector<Command>& commands() {
  static const std::vector<Command> all{
      {"run", "measure engines side by side (what is done without a command)", run_command},
  };
  return all;
}

}  // namespace aio_bench
