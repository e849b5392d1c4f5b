// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace aio_bench {

// What the kernel says of a block device in sysfs. Members that it does not say
// are empty.
struct DeviceFacts {
  std::string name;  // "nvme0n1p2"
  std::string disk;  // "nvme0n1": the same where it is no partition
  bool is_partition = false;
  std::uint64_t size_bytes = 0;
  std::uint64_t partition_start_bytes = 0;
  std::string model;
  std::string backing_file;  // of a loop device
  std::optional<bool> is_rotational;
  std::string scheduler;    // the one in use: "none", "mq-deadline"
  std::string write_cache;  // "write back", "write through"
  std::optional<std::uint64_t> logical_block_bytes;
  std::optional<std::uint64_t> physical_block_bytes;
  std::optional<std::uint64_t> queue_request_count;
  std::vector<std::string> partitions;  // of a whole disk: "sda1"
  std::vector<std::string> siblings;    // of a partition: the other ones of its disk
  std::vector<std::string> holders;     // devices made of it or of its partitions: "dm-0"
};

// Nothing when there is no such device in sysfs, as behind btrfs or overlayfs.
std::optional<DeviceFacts> device_facts(dev_t device);

struct Mount {
  std::string place, file_system;  // "/boot" as the kernel writes it, "ext4"
};

// The first mount of the device with this number, "8:1".
std::optional<Mount> mount_of(const std::string& device_number);

bool is_swapped_to(const std::string& path);

// Where the device or one of its partitions is mounted or swapped to: "/dev/sda1
// is mounted on /boot".
std::vector<std::string> uses_of(const DeviceFacts& facts);

// The same of the other partitions of its disk.
std::vector<std::string> uses_beside(const DeviceFacts& facts);

// "scheduler mq-deadline ...": what of the device may spoil figures.
std::vector<std::string> device_warnings(const DeviceFacts& facts, bool has_writes);

}  // namespace aio_bench
