// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace support {

// Runs `body` in a fork() of this process and returns what it returns, or 1000
// and the number of the signal that ended it: SIGALRM when it took too long.
// The body must not use Boost.Test.
int run_in_child(const std::function<int()>& body, unsigned limit_s = 20);

struct Outcome {
  int exit_status = 0;  // as of run_in_child()
  std::string errors;   // what it wrote to stderr
};

// Runs this program again with only the named test case, and `environment`
// ("NAME=value") added to ours.
Outcome run_case_again(const std::string& case_name, const std::vector<std::string>& environment);

}  // namespace support
