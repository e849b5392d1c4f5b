// SPDX-License-Identifier: MIT
// What of a device may spoil figures.
#include "targets/device_facts.h"

#include <boost/test/unit_test.hpp>

using aio_bench::device_warnings;
using aio_bench::DeviceFacts;

BOOST_AUTO_TEST_SUITE(warnings_of_devices)

namespace {

DeviceFacts quiet_device() {
  DeviceFacts facts;
  facts.name = facts.disk = "nvme0n1";
  facts.is_rotational = false;
  facts.scheduler = "none";
  facts.write_cache = "write through";
  facts.physical_block_bytes = 4096;
  return facts;
}

// The only warning, or what is wrong.
std::string warning_of(const DeviceFacts& facts, bool has_writes = false) {
  const auto warnings = device_warnings(facts, has_writes);
  return warnings.size() == 1 ? warnings[0] : std::to_string(warnings.size()) + " warnings";
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

}  // namespace

BOOST_AUTO_TEST_CASE(nothing_is_said_of_a_device_that_is_well_set_up) {
  BOOST_TEST(device_warnings(quiet_device(), true).empty());
  BOOST_TEST(device_warnings(DeviceFacts{}, true).empty());
}

BOOST_AUTO_TEST_CASE(a_scheduler_costs_time_on_what_does_not_rotate) {
  DeviceFacts facts = quiet_device();
  facts.scheduler = "mq-deadline";
  const std::string warning = warning_of(facts);
  BOOST_TEST(has(warning, "mq-deadline"), warning);
  BOOST_TEST(has(warning, "echo none > /sys/block/nvme0n1/queue/scheduler"), warning);
  facts.is_rotational = true;
  BOOST_TEST(device_warnings(facts, false).empty());
}

BOOST_AUTO_TEST_CASE(a_volatile_cache_matters_to_writes) {
  DeviceFacts facts = quiet_device();
  facts.write_cache = "write back";
  BOOST_TEST(has(warning_of(facts, true), "volatile write cache"));
  BOOST_TEST(device_warnings(facts, false).empty());
}

BOOST_AUTO_TEST_CASE(a_loop_device_is_not_the_only_thing_measured) {
  DeviceFacts facts = quiet_device();
  facts.backing_file = "/images/disk";
  BOOST_TEST(has(warning_of(facts), "/images/disk"));
}

BOOST_AUTO_TEST_CASE(a_partition_may_begin_within_a_block) {
  DeviceFacts facts = quiet_device();
  facts.name = "nvme0n1p1";
  facts.is_partition = true;
  facts.partition_start_bytes = 63 * 512;
  BOOST_TEST(has(warning_of(facts), "begins within a physical block of 4096 bytes"));
  facts.partition_start_bytes = 1 << 20;
  BOOST_TEST(device_warnings(facts, false).empty());
}

BOOST_AUTO_TEST_SUITE_END()
