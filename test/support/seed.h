// SPDX-License-Identifier: MIT
#pragma once

namespace support {

// For random numbers: KAIO_TEST_SEED, else different each time; printed.
unsigned seed();

}  // namespace support
