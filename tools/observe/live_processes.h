// SPDX-License-Identifier: MIT
// What the processes tell that keep their statistics in files of one directory
// (src/posix/process/live_file.h).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace observe {

struct Counts {
  std::vector<std::string> names;
  std::vector<std::int64_t> values;

  // 0 where the library does not know it.
  std::int64_t of(const std::string& name) const;
};

struct Process {
  std::string file;  // its path
  int pid = 0;
  std::string program;
  std::int64_t begin_ns = 0;
  Counts counts;
  bool ended = false;  // and counts no more
};

// All of them, in the order in which they began. A process that has executed another program,
// as well as one whose number has gone to another process, has ended and begun anew.
std::vector<Process> read_processes(const std::string& directory);

std::int64_t monotonic_ns();

}  // namespace observe
