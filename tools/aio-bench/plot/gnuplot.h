// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace aio_bench {

// Throws RunError, with what to install, when gnuplot is not in PATH.
void find_gnuplot();

// Throws RunError when gnuplot does not take the script; `what` names the picture.
void run_gnuplot(const std::string& script, const std::string& what);

// gnuplot's way of writing a string that may hold quotes.
std::string gnuplot_string(const std::string& text);

}  // namespace aio_bench
