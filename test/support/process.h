// SPDX-License-Identifier: MIT
// What this process looks like from outside.
#pragma once

#include <cstddef>

namespace support {

int thread_count();
// Whether that thread of this process waits for something.
bool is_asleep(int tid);
int open_descriptor_count();
std::size_t address_space_bytes();
// Signals in the queues of all processes of this user, which share one limit.
unsigned long queued_signal_count();

}  // namespace support
