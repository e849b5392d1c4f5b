// SPDX-License-Identifier: MIT
// Where every check reports, from any thread and any handler, and the clock by which
// the models order what happened.
#pragma once

#include <cstdint>

namespace random_test {

// Writes a line to stderr, the first twenty times, and counts. Async-signal-safe as far
// as vsnprintf() of numbers and strings is.
__attribute__((format(printf, 1, 2))) void report(const char* format, ...);
int trouble_count();

// A count that grows with every call: what got the lower number happened before.
std::uint64_t tick();
constexpr std::uint64_t never = UINT64_MAX;

// The faults that the tester can make in its own data, to show that it would notice.
enum class Fault { none, wrong_byte, lost_notification, swapped_parts, wrong_result, late_write };
void set_fault(Fault fault);
// True now and then, for the fault that was set.
bool fault_now(Fault fault);

}  // namespace random_test
