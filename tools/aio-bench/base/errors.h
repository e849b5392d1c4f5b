// SPDX-License-Identifier: MIT
// How the tool gives up: what is thrown becomes one line on stderr and an exit
// code. Every text says what is wrong and, after the colon, what to do.
#pragma once

#include <fmt/format.h>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace aio_bench {

// A run that a signal ended has the shell's code for that: see interrupt.h.
enum ExitCode {
  exit_done = 0,
  exit_failed = 1,
  exit_usage = 2,
  exit_regression = 3,  // compare: something got worse
  exit_data_wrong = 4,  // verify: not what has to be there, or an I/O failed
};

// A text, or a format and what goes into it.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
  template <typename Value, typename... Values>
  explicit Failure(fmt::format_string<Value, Values...> format, Value&& value, Values&&... values)
      : std::runtime_error(
            fmt::format(format, std::forward<Value>(value), std::forward<Values>(values)...)) {}
};

// The command line asks for something that makes no sense.
struct UsageError : Failure {
  using Failure::Failure;
};

// The machine, the file or an engine did not do what was asked.
struct RunError : Failure {
  using Failure::Failure;
};

// Ctrl-C, or another signal of these, while there was nothing to report yet.
struct Interrupted : std::runtime_error {
  Interrupted() : std::runtime_error("interrupted") {}
};

// "No space left on device", without the number and without a format string.
inline std::string error_text(int error_number) {
  return std::generic_category().message(error_number);
}

}  // namespace aio_bench
