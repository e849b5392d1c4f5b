// SPDX-License-Identifier: MIT
#include "report/machine.h"

#include "base/limits.h"

#include <fstream>
#include <sched.h>
#include <sys/utsname.h>

namespace aio_bench {

namespace {

std::string cpu_model() {
  std::ifstream lines("/proc/cpuinfo");
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != line.npos) return line.substr(colon + 2);
  }
  return "";
}

}  // namespace

Machine this_machine() {
  utsname names{};
  uname(&names);
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  sched_getaffinity(0, sizeof cpus, &cpus);
  return {.kernel = std::string(names.sysname) + " " + names.release,
          .host_name = names.nodename,
          .architecture = names.machine,
          .cpu_model = cpu_model(),
          .cpu_count = static_cast<unsigned>(CPU_COUNT(&cpus)),
          .memory_bytes = machine_memory_bytes()};
}

}  // namespace aio_bench
