// SPDX-License-Identifier: MIT
// aio-bench: compares ways of asynchronous I/O, side by side in one process.
//
//   run/      options -> targets -> session (rounds over all engines) -> report
//   report/   what came out: table, JSON and CSV; JSON read again
//   verify/   patterned blocks, written and read back
//   plot/     pictures of results;  compare/  what changed between them
//   targets/  scratch files, files and devices: opened safely, their facts
//   loads/    a job: the loop around an engine; what each I/O is, and when
//   engines/  one interface over glibc, kaio, libaio, io_uring and threads
//   stats/    histograms, usage, medians and spread
//   base/     errors, text, output, clock, memory
#include "base/errors.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "base/names.h"
#include "base/output.h"
#include "commands.h"

#include <fmt/format.h>
#include <new>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

namespace {

using namespace aio_bench;

// A command that is misspelt would be a target that is not there.
void check_for_misspelling(const std::string& word) {
  if (word.starts_with('-') || ::access(word.c_str(), F_OK) == 0) return;
  std::vector<std::string> names{"--help"};
  for (const Command& command : commands) names.push_back(command.name);
  if (const std::string hint = advice(word, names); !hint.empty())
    throw UsageError("{} is neither a command nor a file{}: see aio-bench --help", word, hint);
}

int call_command(int argument_count, char** arguments) {
  if (argument_count >= 2) {
    for (const Command& command : commands)
      if (std::string_view(arguments[1]) == command.name)
        return command.function(argument_count - 1, arguments + 1);
    check_for_misspelling(arguments[1]);
  }
  return run_command(argument_count, arguments);
}

}  // namespace

int main(int argument_count, char** arguments) {
  prepare_standard_streams();
  try {
    return call_command(argument_count, arguments);
  } catch (const UsageError& error) {
    fmt::print(stderr, "aio-bench: {}\n", error.what());
    return exit_usage;
  } catch (const Interrupted&) {
    const std::string name = interrupt_name();
    fmt::print(stderr, "aio-bench: interrupted{}, nothing was measured\n",
               name.empty() ? "" : " by " + name);
    return interrupt_exit_code();
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "aio-bench: out of memory{}\n", memory_advice(0));
    return exit_failed;
  } catch (const std::exception& error) {
    fmt::print(stderr, "aio-bench: {}\n", error.what());
    return exit_failed;
  }
}
