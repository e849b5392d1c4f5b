// SPDX-License-Identifier: MIT
// The pictures as scripts for gnuplot.
#pragma once

#include "plot/curves.h"

#include <string>

namespace aio_bench {

// What is drawn, without terminal and output: throughput and latency against depth.
struct Picture {
  std::string script;
  unsigned width_pixels = 0;
  unsigned height_pixels = 0;
};

Picture depth_picture(const Figure& figure);

// The latency at every percentile, at the least, the middle and the greatest depth.
Picture latency_picture(const Figure& figure);

// gnuplot's way of writing a string that may hold quotes.
std::string gnuplot_string(const std::string& text);

}  // namespace aio_bench
