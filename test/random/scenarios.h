// SPDX-License-Identifier: MIT
// Short stories on descriptors of their own, told while everything else goes on: threads
// that wait and are cancelled, threads that end, forks, numbers of closed descriptors that
// are used again, calls that have to be refused, records by two writers. Each proves what
// its function says.
#pragma once

#include "chance.h"

namespace random_test::scenarios {

void do_one(Chance& chance, bool quiet);

}  // namespace random_test::scenarios
