// SPDX-License-Identifier: MIT
#include "seed.h"

#include <boost/test/framework.hpp>
#include <boost/test/tree/test_unit.hpp>

#include <cstdio>
#include <cstdlib>
#include <random>

namespace support {

unsigned seed() {
  const char* chosen = std::getenv("KAIO_TEST_SEED");
  const unsigned value = chosen != nullptr
                             ? static_cast<unsigned>(std::strtoul(chosen, nullptr, 10))
                             : std::random_device{}();
  const auto& unit = boost::unit_test::framework::current_test_unit();
  std::fprintf(stderr, "%s: KAIO_TEST_SEED=%u\n", unit.full_name().c_str(), value);
  return value;
}

}  // namespace support
