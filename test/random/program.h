// SPDX-License-Identifier: MIT
// One random program: a process of its own, which depends on its seed alone.
#pragma once

#include "trouble.h"

#include <cstdint>

namespace random_test {

// 0 when everything was right, 1 when a check failed, else how a child of
// support::run_in_child() ends. With a fault, the tester's data is spoilt on purpose.
int run_program(std::uint64_t seed, Fault fault);

}  // namespace random_test
