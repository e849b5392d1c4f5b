// SPDX-License-Identifier: MIT
// What this process looks like from outside.
#pragma once

#include <cstddef>

namespace support {

int thread_count();
// Whether that thread of this process waits for something.
bool is_asleep(int tid);
int open_descriptor_count();
std::size_t mapping_count();
std::size_t address_space_bytes();
// Of all processes: /proc/sys/fs/aio-nr; -1 without kernel AIO.
long aio_event_count();
// Signals in the queues of all processes of this user, which share one limit.
unsigned long queued_signal_count();

}  // namespace support
