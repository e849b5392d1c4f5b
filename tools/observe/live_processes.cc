// SPDX-License-Identifier: MIT
#include "live_processes.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "posix/process/live_file.h"

namespace observe {
namespace {

using kaio::LiveFile;

std::string text_of(const char* begin, std::size_t size_max) {
  return {begin, ::strnlen(begin, size_max)};
}

// False: it is not what it should be, or not yet.
bool read_file(const std::filesystem::path& path, Process& process) {
  std::ifstream input(path, std::ios::binary);
  std::vector<char> content{std::istreambuf_iterator<char>(input), {}};
  if (content.size() < sizeof(LiveFile)) return false;
  const auto& heading = *reinterpret_cast<const LiveFile*>(content.data());
  if (heading.magic != LiveFile::magic_number || heading.version != LiveFile::version_now ||
      heading.counter_count > LiveFile::counters_max ||
      heading.shard_bytes < heading.counter_count * sizeof(std::int64_t) ||
      content.size() <
          heading.heading_bytes + std::size_t{heading.shard_count} * heading.shard_bytes)
    return false;
  process.file = path;
  process.pid = heading.pid;
  process.program = text_of(heading.program, sizeof heading.program);
  process.begin_ns = heading.begin_ns;
  process.counts.values.resize(heading.counter_count);
  for (std::uint32_t i = 0; i < heading.counter_count; ++i)
    process.counts.names.push_back(text_of(heading.names[i], sizeof heading.names[i]));
  for (std::uint32_t shard = 0; shard < heading.shard_count; ++shard) {
    const char* place =
        content.data() + heading.heading_bytes + std::size_t{shard} * heading.shard_bytes;
    for (std::int64_t& value : process.counts.values) {
      std::int64_t part = 0;
      std::memcpy(&part, place, sizeof part);
      value += part;
      place += sizeof part;
    }
  }
  return true;
}

// A zombie counts no more.
bool is_running(int pid) {
  std::ifstream input("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(input, line)) return false;
  const std::size_t name_end = line.rfind(')');
  return name_end != line.npos && name_end + 2 < line.size() && line[name_end + 2] != 'Z' &&
         line[name_end + 2] != 'X';
}

}  // namespace

std::int64_t Counts::of(const std::string& name) const {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? 0 : values[static_cast<std::size_t>(found - names.begin())];
}

std::vector<Process> read_processes(const std::string& directory) {
  std::vector<Process> processes;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    Process process;
    // Asked first: what it counted before it ended is there then.
    const std::string name = entry.path().filename();
    const bool running = is_running(std::atoi(name.c_str()));
    if (!read_file(entry.path(), process)) continue;
    process.ended = !running;
    processes.push_back(std::move(process));
  }
  std::sort(processes.begin(), processes.end(),
            [](const Process& a, const Process& b) { return a.begin_ns < b.begin_ns; });
  std::map<int, Process*> last;
  for (Process& process : processes) {
    Process*& before = last[process.pid];
    if (before != nullptr) before->ended = true;
    before = &process;
  }
  return processes;
}

std::int64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C(1'000'000'000) + now.tv_nsec;
}

}  // namespace observe
