// SPDX-License-Identifier: MIT
#include "targets/device_facts.h"

#include "base/kernel_files.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sstream>
#include <sys/sysmacros.h>

namespace aio_bench {

namespace {

namespace fs = std::filesystem;

// "none [mq-deadline] kyber" -> "mq-deadline".
std::string chosen_of(const std::string& choices) {
  const auto begin = choices.find('[');
  const auto end = choices.find(']');
  if (begin == choices.npos || end == choices.npos) return choices;
  return choices.substr(begin + 1, end - begin - 1);
}

std::vector<std::string> entries_of(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error))
    names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

void find_partitions_and_holders(const fs::path& directory, DeviceFacts& facts) {
  facts.holders = entries_of(directory / "holders");
  for (const std::string& name : entries_of(directory)) {
    if (!fs::exists(directory / name / "partition")) continue;
    facts.partitions.push_back(name);
    for (const std::string& holder : entries_of(directory / name / "holders"))
      facts.holders.push_back(holder);
  }
}

void find_siblings(const fs::path& disk, DeviceFacts& facts) {
  if (!facts.is_partition) return;
  for (const std::string& name : entries_of(disk))
    if (name != facts.name && fs::exists(disk / name / "partition")) facts.siblings.push_back(name);
}

// "\040" is how the kernel writes a blank in a path.
std::string unescaped(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      result += static_cast<char>(std::stoi(text.substr(i + 1, 3), nullptr, 8));
      i += 3;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::vector<std::string> uses_of(const std::vector<std::string>& names) {
  std::vector<std::string> uses;
  for (const std::string& name : names) {
    if (const auto mount = mount_of(first_line(fs::path("/sys/class/block") / name / "dev")))
      uses.push_back(fmt::format("/dev/{} is mounted on {}", name, unescaped(mount->place)));
    if (is_swapped_to("/dev/" + name)) uses.push_back(fmt::format("/dev/{} is swapped to", name));
  }
  return uses;
}

}  // namespace

std::optional<Mount> mount_of(const std::string& device_number) {
  // "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw"
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string skipped, mounted_number;
    Mount mount;
    words >> skipped >> skipped >> mounted_number >> skipped >> mount.place;
    const auto separator = line.find(" - ");
    if (mounted_number != device_number || separator == line.npos) continue;
    std::istringstream(line.substr(separator + 3)) >> mount.file_system;
    return mount;
  }
  return std::nullopt;
}

bool is_swapped_to(const std::string& path) {
  std::ifstream swaps("/proc/swaps");
  for (std::string line; std::getline(swaps, line);)
    if (line.substr(0, line.find_first_of(" \t")) == path) return true;
  return false;
}

std::optional<DeviceFacts> device_facts(dev_t device) {
  std::error_code error;
  const fs::path directory =
      fs::canonical(fmt::format("/sys/dev/block/{}:{}", major(device), minor(device)), error);
  if (error) return std::nullopt;
  DeviceFacts facts;
  facts.name = directory.filename();
  facts.is_partition = fs::exists(directory / "partition");
  const fs::path disk = facts.is_partition ? directory.parent_path() : directory;
  facts.disk = disk.filename();
  // The kernel counts these in units of 512 bytes, whatever the device has.
  facts.size_bytes = number_in(directory / "size").value_or(0) * 512;
  facts.partition_start_bytes = number_in(directory / "start").value_or(0) * 512;
  facts.model = first_line(disk / "device/model");
  facts.backing_file = first_line(disk / "loop/backing_file");
  if (const auto number = number_in(disk / "queue/rotational")) facts.is_rotational = *number != 0;
  facts.scheduler = chosen_of(first_line(disk / "queue/scheduler"));
  facts.write_cache = first_line(disk / "queue/write_cache");
  facts.logical_block_bytes = number_in(disk / "queue/logical_block_size");
  facts.physical_block_bytes = number_in(disk / "queue/physical_block_size");
  facts.queue_request_count = number_in(disk / "queue/nr_requests");
  find_partitions_and_holders(directory, facts);
  find_siblings(disk, facts);
  return facts;
}

std::vector<std::string> uses_of(const DeviceFacts& facts) {
  std::vector<std::string> names = facts.partitions;
  names.push_back(facts.name);
  return uses_of(names);
}

std::vector<std::string> uses_beside(const DeviceFacts& facts) { return uses_of(facts.siblings); }

std::vector<std::string> device_warnings(const DeviceFacts& facts, bool has_writes) {
  std::vector<std::string> warnings;
  if (facts.is_rotational == false && !facts.scheduler.empty() && facts.scheduler != "none")
    warnings.push_back(
        fmt::format("{} has the I/O scheduler {}, which costs time on a device that does not "
                    "rotate: try echo none > /sys/block/{}/queue/scheduler",
                    facts.disk, facts.scheduler, facts.disk));
  if (has_writes && facts.write_cache == "write back")
    warnings.push_back(
        fmt::format("{} has a volatile write cache: writes that it reports as done are not durable "
                    "yet; --dsync and --fsync measure durable ones",
                    facts.disk));
  if (!facts.backing_file.empty())
    warnings.push_back(fmt::format(
        "{} is a loop device over {}: its own threads and that file are measured with it",
        facts.disk, facts.backing_file));
  const std::uint64_t physical_bytes = facts.physical_block_bytes.value_or(0);
  if (facts.is_partition && physical_bytes > 0 && facts.partition_start_bytes % physical_bytes != 0)
    warnings.push_back(
        fmt::format("the partition {} begins within a physical block of {} bytes: aligned I/O is "
                    "not aligned on the device",
                    facts.name, physical_bytes));
  return warnings;
}

}  // namespace aio_bench
