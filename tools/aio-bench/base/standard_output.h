// SPDX-License-Identifier: MIT
// What the commands tell. A report that is lost is an error, as the figures of an hour
// may be in it: so each piece is written at once, and checked.
#pragma once

#include <string>
#include <string_view>

namespace aio_bench {

// To be called first: no file that is opened later becomes standard output by its
// number, and neither a closed pipe nor a limit ends the process without a word.
void prepare_standard_streams();

// Throws RunError when it cannot be written.
void print_out(std::string_view text);

// What is said beside a result that goes to standard output itself. Throws RunError.
void print_aside(std::string_view text);

// Whether `path` means standard output: "-", or a name that the system has for it.
bool is_standard_output(const std::string& path);

// The columns of the terminal that standard output, or standard error, is; 100 where it
// is none, so that a stored report looks the same everywhere.
unsigned output_width();
unsigned aside_width();

}  // namespace aio_bench
