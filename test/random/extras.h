// SPDX-License-Identifier: MIT
// Requests that handlers and callbacks make, look at, wait for and cancel. Proves that
// they can, whatever they interrupted: each reads what the file holds, or is cancelled.
#pragma once

namespace random_test::extras {

void begin();
// While the actors pause: ends those that are left.
void settle();

}  // namespace random_test::extras
