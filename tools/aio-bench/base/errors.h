// SPDX-License-Identifier: MIT
// How the tool gives up: what is thrown becomes one line on stderr and an exit
// code. Every text says what is wrong and, after the colon, what to do.
#pragma once

#include <stdexcept>
#include <string>

namespace aio_bench {

// A run that a signal ended has the shell's code for that: see interrupt.h.
enum ExitCode {
  exit_done = 0,
  exit_failed = 1,
  exit_usage = 2,
  exit_regression = 3,  // compare: something got worse
  exit_data_wrong = 4,  // verify: not what has to be there, or an I/O failed
};

// The command line asks for something that makes no sense.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The machine, the file or an engine did not do what was asked.
struct RunError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Ctrl-C, or another signal of these, while there was nothing to report yet.
struct Interrupted : std::runtime_error {
  Interrupted() : std::runtime_error("interrupted") {}
};

// "No space left on device", without the number and without a format string.
std::string error_text(int error_number);

// What to do about EFBIG: ": files may not be larger than 1 MiB here: ...".
std::string file_size_advice();

}  // namespace aio_bench
