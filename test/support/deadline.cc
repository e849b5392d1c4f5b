// SPDX-License-Identifier: MIT
#include "deadline.h"

#include <algorithm>
#include <cstdlib>

namespace support {

int slowness() {
  const char* chosen = std::getenv("KAIO_TEST_SLOWNESS");
  return chosen == nullptr ? 1 : std::max(1, std::atoi(chosen));
}

}  // namespace support
