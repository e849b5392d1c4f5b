// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace observe {

// Runs a program with kaio preloaded and says on standard error, every so many seconds, what
// each of its processes does by kaio. Ends as the program ends: with its exit code, or by its
// signal. Signals that are sent to this process alone go on to the program.
struct Watched {
  double interval_s = 1;
  std::string library;
  std::string path;                    // of the program
  std::vector<std::string> arguments;  // with its name
};
int watch(const Watched& watched);

}  // namespace observe
