// SPDX-License-Identifier: MIT
#include "process.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <unistd.h>

namespace support {

namespace {

int entry_count(const char* directory) {
  const std::filesystem::directory_iterator entries{directory};
  return static_cast<int>(std::distance(begin(entries), end(entries)));
}

}  // namespace

bool is_asleep(int tid) {
  std::ifstream stat{"/proc/self/task/" + std::to_string(tid) + "/stat"};
  std::string line;
  std::getline(stat, line);
  const std::size_t name_end = line.rfind(')');  // a name may have anything in it
  return name_end != line.npos && line.compare(name_end, 4, ") S ") == 0;
}

int thread_count() { return entry_count("/proc/self/task"); }

int open_descriptor_count() {
  return entry_count("/proc/self/fd") - 1;  // the one of the iterator itself
}

std::size_t address_space_bytes() {
  std::size_t pages = 0;
  std::ifstream{"/proc/self/statm"} >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

unsigned long queued_signal_count() {
  std::ifstream status{"/proc/self/status"};
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("SigQ:")) return std::stoul(line.substr(5));
  return 0;
}

std::size_t mapping_count() {
  std::ifstream maps("/proc/self/maps");
  std::size_t count = 0;
  for (std::string line; std::getline(maps, line);) ++count;
  return count;
}

long aio_event_count() {
  std::ifstream file("/proc/sys/fs/aio-nr");
  long count = -1;
  file >> count;
  return count;
}

}  // namespace support
